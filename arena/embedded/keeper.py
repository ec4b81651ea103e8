"""The parent of one server: `python -m arena.embedded.keeper SERVER HOME FILES LOCK [--volatile]`.

It is detached from whoever started it, brings its server up again when that dies, stops it when the last user has gone,
and takes it along when it is killed itself.
"""

import argparse
import fcntl
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path
from queue import SimpleQueue

from arena.embedded.errors import ServicesError
from arena.embedded.post import Post, State
from arena.embedded.servers import SERVERS, Server, Site

logger = logging.getLogger("keeper")

# A server that ends this many times in a row without living this long is given up.
_MOST_SHORT_LIVES = 3
_SHORT_LIFE_S = 5.0


class Event(Enum):
    SERVER_ENDED = auto()
    LAST_USER_GONE = auto()
    ASKED_TO_END = auto()


class Keeper:
    def __init__(self, server: Server, post: Post) -> None:
        self._server = server
        self._post = post
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._short_lives = 0

    def run(self) -> None:
        signal.signal(signal.SIGTERM, lambda *_: self._events.put(Event.ASKED_TO_END))
        process = self._start()
        self._post.write_state(State(keeper=os.getpid(), url=self._server.url))
        self._watch(self._await_last_user)
        while (event := self._events.get()) is Event.SERVER_ENDED:
            logger.warning("%s ended with %s; starting it again", self._server.name, process.returncode)
            process = self._start_again()
        logger.info("stopping %s: %s", self._server.name, event.name.lower().replace("_", " "))
        self._server.stop(process)
        self._post.remove_state()

    def _start(self) -> subprocess.Popen[bytes]:
        process = self._server.start()
        self._started_at = time.monotonic()
        logger.info("%s answers, process %d", self._server.name, process.pid)
        self._watch(self._await_end, process)
        return process

    def _start_again(self) -> subprocess.Popen[bytes]:
        short = time.monotonic() - self._started_at < _SHORT_LIFE_S
        self._short_lives = self._short_lives + 1 if short else 0
        while self._short_lives < _MOST_SHORT_LIVES:
            try:
                return self._start()
            except ServicesError as error:
                logger.warning("%s", error)
                self._short_lives += 1
        raise ServicesError(f"{self._server.name} ended {self._short_lives} times within seconds of its start.")

    def _watch(self, wait: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=wait, args=arguments, daemon=True).start()

    def _await_end(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self._events.put(Event.SERVER_ENDED)

    def _await_last_user(self) -> None:
        users = self._post.lock("users")  # kept open: who comes now waits until we have ended
        fcntl.flock(users, fcntl.LOCK_EX)
        self._events.put(Event.LAST_USER_GONE)


def main() -> None:
    arguments = _arguments()
    _detach()
    post = Post(arguments.home, arguments.server)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    try:
        site = Site.of(files=arguments.files, log=post.log, durable=not arguments.volatile)
        Keeper(SERVERS[arguments.server](site), post).run()
    except (ServicesError, OSError) as error:
        logger.error("%s", error)
        post.write_state(State(keeper=os.getpid(), problem=str(error)))
        raise SystemExit(1) from None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("server", choices=SERVERS)
    parser.add_argument("home", type=Path)
    parser.add_argument("files", type=Path)
    parser.add_argument("lock", type=int, help="the inherited descriptor of the keeper's lock; held by being open")
    parser.add_argument("--volatile", action="store_true", help="data need not survive a crash of the machine")
    return parser.parse_args()


def _detach() -> None:
    if os.fork():
        os._exit(0)  # whoever started us goes on, and has no child to look after
    os.setsid()
    os.umask(0o077)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    main()
