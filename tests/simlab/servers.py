"""Real policy servers on free ports, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread

from websockets.asyncio.server import ServerConnection, serve

from simlab.policies import POLICIES
from simlab.server import serving


@contextmanager
def policy_servers(*names: str) -> Iterator[list[str]]:
    """The endpoints at which these policies are served."""
    with _in_background(lambda opened: _serve_policies(names, opened)) as endpoints:
        yield endpoints


@contextmanager
def server_that(behaves: Callable[[ServerConnection], Awaitable[None]]) -> Iterator[str]:
    """The endpoint of a server that is no policy server of ours."""
    with _in_background(lambda opened: _serve_handler(behaves, opened)) as endpoints:
        yield endpoints[0]


Opened = Callable[[list[str]], Awaitable[None]]


async def _serve_policies(names: tuple[str, ...], opened: Opened) -> None:
    async with serving(policies=[POLICIES[name] for name in names], host="127.0.0.1", first_port=0) as served:
        await opened([one.endpoint for one in served])


async def _serve_handler(behaves: Callable[[ServerConnection], Awaitable[None]], opened: Opened) -> None:
    async with serve(behaves, "127.0.0.1", 0) as server:
        await opened([f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"])


@contextmanager
def _in_background(run: Callable[[Opened], Awaitable[None]]) -> Iterator[list[str]]:
    answers: SimpleQueue[tuple[list[str], asyncio.AbstractEventLoop, asyncio.Event]] = SimpleQueue()

    async def main() -> None:
        stop = asyncio.Event()

        async def opened(endpoints: list[str]) -> None:
            answers.put((endpoints, asyncio.get_running_loop(), stop))
            await stop.wait()

        await run(opened)

    thread = Thread(target=lambda: asyncio.run(main()))
    thread.start()
    endpoints, loop, stop = answers.get(timeout=10)
    try:
        yield endpoints
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
