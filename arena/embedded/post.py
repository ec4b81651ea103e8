"""A server's post: the files by which its keeper and its users know of each other.

- `users`: every user holds it shared; the keeper waits to hold it alone, which says that the last user has gone.
- `keeper`: held by the keeper as long as it lives. The kernel lets go of a lock however its holder ends.
- `starting`: held for the moment in which somebody looks for a keeper and starts one where there is none.
- `state`: written by the keeper when its server answers, or when it cannot be had. It is that of the living keeper,
  because whoever starts a keeper removes what an earlier one left.
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from arena.embedded.errors import ServicesError
from arena.embedded.logs import open_log, tail
from arena.embedded.places import files_folder, service_account

_PROJECT = Path(__file__).resolve().parent.parent.parent
_PAUSE_S = 0.01
_LEAVING_LIMIT_S = 90.0


@dataclass(frozen=True)
class State:
    keeper: int
    url: str = ""
    problem: str = ""


class Post:
    def __init__(self, home: Path, name: str) -> None:
        self.home = home
        self.name = name
        self.folder = home / "services" / name
        self.log = home / "logs" / f"{name}.log"
        self.keeper_log = home / "logs" / f"{name}-keeper.log"

    def make(self) -> None:
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ServicesError(f"{self.home} cannot be used as ARENA_HOME: {error}.") from None

    def lock(self, name: str) -> int:
        """A descriptor to lock by; programs that we start do not inherit it."""
        try:
            return os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ServicesError(f"{self.folder / name} cannot be opened: {error.strerror}.") from None

    def read_state(self) -> State | None:
        try:
            return State(**json.loads((self.folder / "state").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def write_state(self, state: State) -> None:
        draft = self.folder / "state.draft"
        draft.write_text(json.dumps(asdict(state)), encoding="utf-8")
        draft.rename(self.folder / "state")

    def remove_state(self) -> None:
        (self.folder / "state").unlink(missing_ok=True)


class Membership:
    """One process's use of one server, from `join` to `leave` or to the end of the process."""

    def __init__(self, post: Post, *, durable: bool) -> None:
        self._post = post
        self._durable = durable
        self._users: int | None = None

    def join(self) -> None:
        """Be a user; waits while a keeper whose last user has gone stops its server."""
        if self._users is None:
            self._post.make()
            self._users = self._post.lock("users")
            fcntl.flock(self._users, fcntl.LOCK_SH)
        self.start_missing_keeper()

    def start_missing_keeper(self) -> bool:
        """Start a keeper where none lives; True where one was started."""
        with self._keeper_if_missing() as keeper:
            if keeper is None:
                return False
            self._post.remove_state()
            self._start_keeper(keeper)
            return True

    def url(self) -> str:
        """Where the server is, as soon as it answers."""
        while True:
            state = self._post.read_state()
            if state is not None and state.problem:
                raise ServicesError(state.problem)
            if state is not None:
                return state.url
            if self.keeper_is_missing() and self._post.read_state() is None:
                raise ServicesError(f"The keeper of {self._post.name} ended early. {tail(self._post.keeper_log)}")
            time.sleep(_PAUSE_S)

    def keeper_is_missing(self) -> bool:
        with self._keeper_if_missing() as keeper:
            return keeper is not None

    def leave(self) -> None:
        """Be no user any more. The last one waits until the server has stopped."""
        if self._users is None:
            return
        state = self._post.read_state()
        last = _is_last(self._users)
        os.close(self._users)
        self._users = None
        deadline = time.monotonic() + _LEAVING_LIMIT_S
        # A state that is another keeper's is that of somebody who came after us.
        while last and self._post.read_state() in (state, None) and not self.keeper_is_missing():
            if time.monotonic() > deadline:
                raise ServicesError(f"{self._post.name} does not stop. {tail(self._post.keeper_log)}")
            time.sleep(_PAUSE_S)

    @contextmanager
    def _keeper_if_missing(self) -> Iterator[int | None]:
        """The keeper's lock, where nobody holds it. One process at a time looks: a look takes the lock for a moment."""
        starting = self._post.lock("starting")
        keeper = self._post.lock("keeper")
        try:
            fcntl.flock(starting, fcntl.LOCK_EX)
            try:
                fcntl.flock(keeper, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield keeper
        finally:
            os.close(keeper)
            os.close(starting)

    def _start_keeper(self, keeper: int) -> None:
        """The keeper inherits the locked descriptor: it holds the lock from its first moment to its last."""
        post = self._post
        files = files_folder(post.folder, service_account())
        arguments = [post.name, str(post.home), str(files), str(keeper)]
        with open_log(post.keeper_log) as log:
            done = subprocess.run(
                [sys.executable, "-m", "arena.embedded.keeper", *arguments, *([] if self._durable else ["--volatile"])],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=_PROJECT,
                env=os.environ | {"ARENA_HOME": str(post.home)},
                start_new_session=True,  # a Ctrl-C for us is none for the keeper
                pass_fds=[keeper],
            )
        if done.returncode:
            raise ServicesError(f"The keeper of {post.name} did not start. {tail(post.keeper_log)}")


def _is_last(users: int) -> bool:
    """Whether no other process uses the server: nobody but its keeper, who waits for the same lock, may take it now."""
    with suppress(BlockingIOError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    # Converting a lock lets go of it first: the keeper may have been faster, and then we were the last as well.
    try:
        fcntl.flock(users, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
