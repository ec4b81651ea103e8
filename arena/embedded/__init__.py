"""PostgreSQL and Valkey from wheels, started where none are given and stopped when their last user has gone.

Every process that uses a server of an ARENA_HOME is its user. The first one starts a keeper, a small process that is
the server's parent; the keeper stops the server after the last user, however that one ended, and takes it along when it
is killed itself. This package runs before Django and needs the standard library only.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from arena.embedded.errors import ServicesError
from arena.embedded.post import Membership, Post
from arena.embedded.servers import SERVERS

__all__ = ["Services", "ServicesError", "missing_servers", "services"]


class Services:
    """Some of the servers of one ARENA_HOME, as used by this process."""

    def __init__(self, home: Path, names: Iterable[str] = SERVERS, *, durable: bool = True) -> None:
        self._memberships = {name: Membership(Post(home.resolve(), name), durable=durable) for name in names}

    @property
    def names(self) -> list[str]:
        return list(self._memberships)

    def join(self) -> dict[str, str]:
        """Use the servers, started where they do not run; returns what to put into the environment."""
        for membership in self._memberships.values():
            membership.join()
        return self._addresses()

    def restore(self) -> list[str]:
        """Start the servers again whose keeper was killed, without waiting for them; returns their names."""
        return [name for name, membership in self._memberships.items() if membership.start_missing_keeper()]

    def leave(self) -> None:
        """Use them no more; where we were the last, return when they have stopped."""
        for membership in self._memberships.values():
            membership.leave()

    def _addresses(self) -> dict[str, str]:
        return {SERVERS[name].variable: membership.url() for name, membership in self._memberships.items()}


@contextmanager
def services(home: Path, names: Iterable[str] = SERVERS, *, durable: bool = True) -> Iterator[dict[str, str]]:
    used = Services(home, names, durable=durable)
    try:
        yield used.join()
    finally:
        used.leave()


def missing_servers() -> list[str]:
    """The servers that the environment does not name."""
    return [
        name
        for name, server in SERVERS.items()
        if not os.environ.get(server.variable) and not os.environ.get(f"{server.variable}_FILE")
    ]
