"""The relay's end of a connection to a policy server."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Sequence
from typing import Self

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from arena.addresses import AddressError, EndpointUrl, check_endpoint_url
from evaluations.relay.addresses import Address, Resolver, checked_addresses, resolve
from evaluations.relay.frames import Parts, RelayClientConnection
from evaluations.relay.limits import Limits
from evaluations.relay.messages import Answers, Metadata, read_metadata
from evaluations.relay.problems import Problem
from evaluations.relay.wire import WireError

USER_AGENT = "policy-arena-relay"

# The library logs headers, addresses and contents; what the relay has to say it says itself.
silent = logging.getLogger(f"{__name__}.silent")
silent.setLevel(logging.CRITICAL + 1)


class PolicyFailure(Exception):
    """The policy server did not do its part. `detail` is its own words where it sent any: for the log alone."""

    def __init__(self, problem: Problem, detail: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.detail = detail


class PolicyConnection:
    """One connection to a policy server that has sent its metadata. One request at a time, one answer each."""

    def __init__(self, connection: RelayClientConnection, metadata: Metadata, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._answers = Answers()
        self._given_up = False
        self.metadata = metadata

    @classmethod
    async def open(
        cls, endpoint_url: str, *, allow_private: bool, limits: Limits, resolver: Resolver = resolve
    ) -> Self:
        connection = await _opened(endpoint_url, allow_private=allow_private, limits=limits, resolver=resolver)
        try:
            metadata = await _metadata(connection, limits)
        except BaseException:
            await connection.close()
            raise
        return cls(connection, metadata, limits)

    async def infer(self, request: Parts) -> bytes:
        """The frame that answers the client."""
        answer = await self._ask(request)
        if isinstance(answer, str):
            raise PolicyFailure(Problem.ERROR_ANSWER, answer)
        try:
            return self._answers.read(answer)
        except WireError as error:
            raise PolicyFailure(Problem.BAD_ANSWER, str(error)) from None

    async def reset(self, request: Parts) -> None:
        """Tell the policy that its episode is over. What it answers is a word that nobody reads."""
        await self._ask(request)

    async def close(self) -> None:
        await self._connection.close()

    async def _ask(self, request: Parts) -> bytes | str:
        # Answers sent ahead would be taken for those to later requests.
        if self._connection.has_unread:
            raise PolicyFailure(Problem.UNASKED_ANSWER)
        # A bare timer: `asyncio.timeout` would be a tenth of the relay's own work.
        overdue = asyncio.get_running_loop().call_later(self._limits.infer_s, self._give_up)
        try:
            self._connection.send_at_once(request)
            return await self._connection.recv()
        except ConnectionClosed:
            raise PolicyFailure(Problem.NO_ANSWER if self._given_up else Problem.CONNECTION_LOST) from None
        finally:
            overdue.cancel()

    def _give_up(self) -> None:
        self._given_up = True
        self._connection.transport.abort()


async def _opened(
    endpoint_url: str, *, allow_private: bool, limits: Limits, resolver: Resolver
) -> RelayClientConnection:
    try:
        async with asyncio.timeout(limits.open_s):
            endpoint = check_endpoint_url(endpoint_url)
            addresses = await checked_addresses(endpoint, allow_private=allow_private, resolver=resolver)
            dialled = await _dialled(addresses, endpoint.port, limits)
            return await _handshake(endpoint, dialled, limits)
    except AddressError:
        raise PolicyFailure(Problem.ADDRESS_REFUSED) from None
    except ssl.SSLError:
        raise PolicyFailure(Problem.TLS_FAILED) from None
    except OSError:  # A TimeoutError is one.
        raise PolicyFailure(Problem.UNREACHABLE) from None
    # A redirect is a ValueError: on a socket of ours the library cannot follow it.
    except (WebSocketException, ValueError):
        raise PolicyFailure(Problem.HANDSHAKE_FAILED) from None


async def _dialled(addresses: Sequence[Address], port: int, limits: Limits) -> socket.socket:
    """A socket connected to the first of the checked addresses that answers."""
    last: OSError = OSError("no address")
    for address in addresses:
        dialled = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
        dialled.setblocking(False)
        dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            async with asyncio.timeout(limits.open_s / len(addresses)):
                await asyncio.get_running_loop().sock_connect(dialled, (str(address), port))
        except OSError as error:
            dialled.close()
            last = error
        except BaseException:
            dialled.close()
            raise
        else:
            return dialled
    raise last


async def _handshake(endpoint: EndpointUrl, dialled: socket.socket, limits: Limits) -> RelayClientConnection:
    """The name stays in the Host header and is what a certificate must be for; the socket decides where it goes."""
    connection = await connect(
        endpoint.url,
        sock=dialled,
        proxy=None,
        compression=None,
        user_agent_header=USER_AGENT,
        open_timeout=None,
        # A policy that computes answers no ping. The deadlines of the limits stand in their place.
        ping_interval=None,
        close_timeout=limits.close_s,
        max_size=limits.message_bytes,
        create_connection=RelayClientConnection,
        logger=silent,
    )
    assert isinstance(connection, RelayClientConnection)
    return connection


async def _metadata(connection: RelayClientConnection, limits: Limits) -> Metadata:
    try:
        async with asyncio.timeout(limits.metadata_s):
            frame = await connection.recv()
    except TimeoutError:
        raise PolicyFailure(Problem.NO_METADATA) from None
    except ConnectionClosed:
        raise PolicyFailure(Problem.CONNECTION_LOST) from None
    if isinstance(frame, str):
        raise PolicyFailure(Problem.BAD_METADATA, frame)
    try:
        return read_metadata(frame)
    except WireError as error:
        raise PolicyFailure(Problem.BAD_METADATA, str(error)) from None
