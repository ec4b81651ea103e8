"""Sign-in by others, where both halves of their credentials are given."""

from collections.abc import Iterable
from typing import Any

from arena.config.env import ConfigurationError

SIGN_IN_PAGES = {"google": "https://accounts.google.com", "github": "https://github.com"}


def providers(**credentials: tuple[str, str]) -> dict[str, Any]:
    """allauth's settings of those that are configured."""
    configured = {}
    for name, (client_id, secret) in credentials.items():
        if bool(client_id) != bool(secret):
            raise ConfigurationError(f"{name.upper()}_CLIENT_ID and {name.upper()}_CLIENT_SECRET are set together")
        if client_id:
            configured[name] = {"APP": {"client_id": client_id, "secret": secret}, "OAUTH_PKCE_ENABLED": True}
    return configured


def sign_in_pages(configured: Iterable[str]) -> list[str]:
    return [SIGN_IN_PAGES[name] for name in configured]
