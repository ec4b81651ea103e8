"""Host names in addresses."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def host_in(url: str) -> str:
    """The host that an address names, as it is written in one: IPv6 in brackets."""
    host = urlsplit(url).hostname or ""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Whether `host` means the machine itself wherever it is read."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
