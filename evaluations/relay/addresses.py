"""Which addresses the relay connects to: owners name them, so each could point at a machine of ours.

A name is looked up once, every address it has is checked, and the checked address is the one connected to: a name that
means something else a moment later gains nothing.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

from arena.addresses import AddressError, EndpointUrl
from evaluations.relay.problems import Problem

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, as text. Raises OSError where there are none."""

MAX_ADDRESSES = 4
"""Tried one after the other, within the deadline of opening."""

# NAT64 and the old IPv4-compatible form: the last four bytes are the IPv4 address that they lead to.
EMBEDDING = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
GLOBAL_UNICAST = IPv6Network("2000::/3")
# Special to the registries of IANA, and global to some versions of Python.
SPECIAL = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20")))
BROADCAST = IPv4Address("255.255.255.255")


async def checked_addresses(endpoint: EndpointUrl, *, allow_private: bool, resolver: Resolver) -> list[Address]:
    """Where the endpoint's name leads. One address that is not allowed refuses the name; OSError where it has none."""
    addresses = [ipaddress.ip_address(text) for text in await resolver(endpoint.host, endpoint.port)]
    if not all(is_allowed(address, allow_private=allow_private) for address in addresses):
        raise AddressError(Problem.ADDRESS_REFUSED.sentence)
    return addresses[:MAX_ADDRESSES]


async def resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_allowed(address: Address, *, allow_private: bool) -> bool:
    """Public addresses are; private and loopback ones where the installation says so; all others never.

    Link-local ones are among those others: there the clouds serve the machine's own credentials.
    """
    address = _destination(address)
    if address.is_multicast or address.is_unspecified or address.is_link_local or address == BROADCAST:
        return False
    return allow_private or _is_public(address)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    if any(address in network for network in SPECIAL):
        return False
    # Not global are, by the registries of IANA: private, loopback, shared (100.64.0.0/10), reserved, documentation…
    return address.is_global and not address.is_reserved


def _destination(address: Address) -> Address:
    """The IPv4 address that an IPv6 form of it leads to, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    embedded = address.ipv4_mapped or address.sixtofour
    if embedded is None and any(address in network for network in EMBEDDING) and int(address) > 1:
        embedded = IPv4Address(int(address) & 0xFFFFFFFF)
    return embedded or address
