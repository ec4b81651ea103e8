"""Typed readings of the environment. A secret NAME may also be given as a file: NAME_FILE.

An empty variable counts as one that is not set.
"""

import os
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit


class ConfigurationError(Exception):
    """A setting has a value that cannot be used; the message says which and what it should be."""


def text(name: str, default: str = "") -> str:
    path = os.environ.get(f"{name}_FILE")
    return _file_text(f"{name}_FILE", path) if path else os.environ.get(name) or default


def _file_text(name: str, path: str) -> str:
    try:
        value = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{name}={path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name}={path} is not text in UTF-8") from None
    if not value:
        raise ConfigurationError(f"{name}={path} is empty")
    return value


def boolean(name: str, *, default: bool) -> bool:
    value = text(name).strip().lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ConfigurationError(f"{name}={value} is neither yes nor no")


def integer(name: str, default: int, *, low: int = 0, high: int = 2**63 - 1) -> int:
    value = text(name).strip()
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ConfigurationError(f"{name}={value} is not a whole number") from None
    if not low <= number <= high:
        raise ConfigurationError(f"{name}={value} is not between {low} and {high}")
    return number


def number(name: str, default: float, *, low: float = 0.0, high: float = 1e12) -> float:
    value = text(name).strip()
    if not value:
        return default
    try:
        read = float(value)
    except ValueError:
        raise ConfigurationError(f"{name}={value} is not a number") from None
    if not low <= read <= high:
        raise ConfigurationError(f"{name}={value} is not between {low:g} and {high:g}")
    return read


def share(name: str, default: float) -> float:
    return number(name, default, high=1.0)


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def choice(name: str, default: str, *, among: Collection[str]) -> str:
    """One of some words in capitals; letter case does not matter."""
    value = text(name, default).strip().upper()
    if value not in among:
        raise ConfigurationError(f"{name}={value} is none of {', '.join(among)}")
    return value


def web_address(name: str, default: str) -> str:
    value = text(name, default)
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(f"{name}={value} is not an address like https://HOST")
    return value.rstrip("/")
