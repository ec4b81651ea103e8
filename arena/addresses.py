"""What the address of a policy server may look like. Pure: where its name leads is checked when connecting."""

from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_URL = 300


class AddressError(Exception):
    """An address that we do not connect to. The text is a sentence for the policy's owner."""


@dataclass(frozen=True)
class EndpointUrl:
    url: str
    secure: bool
    host: str
    port: int


def check_endpoint_url(url: str) -> EndpointUrl:
    """The parts of a policy server's address; raises AddressError."""
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise AddressError("The address is too long or has signs that no address has.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise AddressError("The address cannot be read: it should look like ws://HOST:PORT.") from None
    if parts.scheme not in ("ws", "wss"):
        raise AddressError("The address must begin with ws:// or wss://.")
    if not host:
        raise AddressError("The address names no host.")
    if parts.username is not None or parts.password is not None:
        raise AddressError("The address must not hold a user name or password.")
    if "#" in url:
        raise AddressError("The address must not have a fragment.")
    if port == 0:
        raise AddressError("The port must be between 1 and 65535.")
    secure = parts.scheme == "wss"
    return EndpointUrl(url, secure, host, port or (443 if secure else 80))
