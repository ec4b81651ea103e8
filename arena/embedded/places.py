"""Where a server's files, sockets and programs are, and the user who runs it.

PostgreSQL refuses to run as root, so root's servers run as an ordinary system user. What that user cannot reach is put
where it can; no user is made, and no folder that we did not make has its mode changed.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.embedded.errors import ServicesError

# A socket's whole path has at most 107 bytes, of which PostgreSQL's file name takes 19.
_LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432.lock")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")
_ORDINARY_USERS = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """The ordinary user who runs root's servers."""

    name: str
    uid: int
    gid: int

    def popen_arguments(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_use(self, path: Path) -> bool:
        """Asked of the kernel, by a process of that user: modes alone do not tell it all."""
        question = ["test", "-r", str(path), "-a", "-x", str(path)]
        return subprocess.run(question, stdin=subprocess.DEVNULL, **self.popen_arguments()).returncode == 0


def service_account() -> Account | None:
    """Who runs the servers where we are root; None where they run as we do."""
    if os.geteuid() != 0:
        return None
    for name in _ORDINARY_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise ServicesError(
        f"PostgreSQL does not run as root, and this system has no user named {' or '.join(_ORDINARY_USERS)}. "
        "Run this as an ordinary user, or set DATABASE_URL and REDIS_URL."
    )


def given_to(account: Account | None) -> Mapping[str, Any]:
    return {} if account is None else account.popen_arguments()


def make_private(folder: Path, account: Account | None) -> None:
    """Make `folder`, or check that what stands there is ours: a folder, private, of the right owner."""
    owner = os.geteuid() if account is None else account.uid
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        if not folder.is_dir() or folder.is_symlink() or found.st_uid != owner or found.st_mode & 0o077:
            raise ServicesError(
                f"{folder} is not a private folder of user {owner}. Remove it, then try again."
            ) from None
        return
    if account is not None:
        os.chown(folder, account.uid, account.gid)


def files_folder(folder: Path, account: Account | None) -> Path:
    """The private folder for a server's files: inside `folder`, or elsewhere where the account cannot reach that.

    The choice is written down, so that it holds for as long as `folder` does.
    """
    elsewhere = folder / "elsewhere"
    if elsewhere.exists():
        chosen = Path(elsewhere.read_text(encoding="utf-8").strip())
        if not chosen.is_dir():
            raise ServicesError(f"The files noted in {elsewhere} are gone: {chosen}. Remove the note to begin anew.")
        return chosen
    inside = folder / "files"
    new = not inside.exists()
    with suppress(PermissionError):  # some mounted file systems give nothing to another user
        make_private(inside, account)
        if account is None or account.can_use(inside):
            return inside
    if account is None or not new:
        raise ServicesError(
            f"{inside} is out of reach of {account.name if account else 'this user'}, who keeps files there."
        )
    inside.rmdir()
    chosen = _reachable_folder(folder, account)
    elsewhere.write_text(f"{chosen}\n", encoding="utf-8")
    sys.stderr.write(f"{folder} is out of reach of user {account.name}: its files are kept in {chosen}\n")
    return chosen


def _reachable_folder(folder: Path, account: Account) -> Path:
    for parent in (Path("/var/lib/policy-arena"), Path(tempfile.gettempdir())):
        try:
            parent.mkdir(mode=0o755, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix=f"policy-arena-{folder.name}-", dir=parent))
        except OSError:
            continue
        os.chown(made, account.uid, account.gid)
        if account.can_use(made):
            return made
        made.rmdir()
    raise ServicesError(f"No folder within reach of user {account.name} was found for the files of {folder}.")


def sockets_folder(files: Path) -> Path:
    """A folder whose path is short and plain enough for a socket, the same at every start."""
    inside = files / "sockets"
    if _fit_for_sockets(inside):
        return inside
    digest = hashlib.sha256(os.fsencode(files)).hexdigest()[:16]
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 the folder is private, and checked to be ours
        short = Path(parent) / f"policy-arena-{digest}"
        if _fit_for_sockets(short):
            return short
    raise ServicesError(f"No path short enough for a socket was found: {short}.")


def _fit_for_sockets(path: Path) -> bool:
    return len(os.fsencode(path)) <= _LONGEST_SOCKET_FOLDER and _PLAIN_PATH.fullmatch(str(path)) is not None


def package_folder(package: str) -> Path:
    """Where a wheel is installed. It is not imported: we take its programs and leave its Python code alone."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ServicesError(f"The package {package} is not installed in this environment ({sys.prefix}).")
    return Path(found.submodule_search_locations[0])


def programs_folder(package: str, part: str, files: Path, account: Account | None) -> Path:
    """`part` of an installed package, or a copy of it under `files` where the account cannot run it in its place."""
    source = package_folder(package)
    if account is None or account.can_use(source / part):
        return source / part
    stamp = hashlib.sha256(f"{source}:{source.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copied = files / f"programs-{stamp}"
    if not copied.is_dir():
        for old in files.glob("programs-*"):
            shutil.rmtree(old)
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=files))
        shutil.copytree(source / part, draft / package / part)
        libraries = source.with_name(f"{package}.libs")  # found by the programs relative to their own place
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name)
        draft.chmod(0o755)
        draft.rename(copied)
    return copied / package / part
