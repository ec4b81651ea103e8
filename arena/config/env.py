"""Typed readings of the environment. A secret NAME may also be given as a file: NAME_FILE."""

import os
from pathlib import Path


class ConfigurationError(Exception):
    """A setting has a value that cannot be used; the message says which and what it should be."""


def text(name: str, default: str = "") -> str:
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(f"{name}_FILE={path} cannot be read: {error.strerror}") from None
    return os.environ.get(name, default)


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


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]
