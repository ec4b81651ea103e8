"""Where evaluation clients reach the relay, taken apart once."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from arena.hosts import host_in

_DEFAULT_PORTS = {"ws": 80, "wss": 443}


class RelayAddressError(Exception):
    """RELAY_PUBLIC_URL cannot be used; the text says why."""


@dataclass(frozen=True)
class RelayAddress:
    host: str  # as an address is written: IPv6 in brackets
    port: int
    path: str  # without a slash at its end; often empty

    @property
    def name(self) -> str:
        """The host as sockets know it."""
        return self.host.strip("[]")


def relay_address() -> RelayAddress:
    return parse_relay_address(settings.RELAY_PUBLIC_URL)


def parse_relay_address(url: str) -> RelayAddress:
    """Raises RelayAddressError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise RelayAddressError(f"{url!r} cannot be read: it should look like ws://HOST:PORT.") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise RelayAddressError(f"{url!r} does not begin with ws:// or wss://.")
    if not host or port == 0:
        raise RelayAddressError(f"{url!r} names no host or port to connect to.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise RelayAddressError(f"{url!r} must be scheme, host, port and path alone.")
    return RelayAddress(
        host=host_in(url),
        port=_DEFAULT_PORTS[parts.scheme] if port is None else port,
        path=parts.path.rstrip("/"),
    )
