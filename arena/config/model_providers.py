"""The servers of vision and language models, in the order in which they are preferred. Sign-in is `providers.py`."""

import re
from collections import Counter
from urllib.parse import urlsplit

from arena.config import env
from arena.config.env import ConfigurationError
from workers.providers.options import LONGEST_TIMEOUT_S, Options

_NAME = re.compile(r"[a-z][a-z0-9_]{0,19}")
_TAKEN = ("builtin", "roboarena")


def model_providers(name: str, names: list[str]) -> tuple[Options, ...]:
    """`name` is the variable that lists them. What misses or fits badly is said by the checks of `workers`."""
    names = [one.lower() for one in names]
    for one in names:
        if not _NAME.fullmatch(one) or one in _TAKEN:
            taken = " and ".join(_TAKEN)
            raise ConfigurationError(f"{name} holds {one}: a name is letters, digits and _; {taken} are taken")
    twice = [one for one, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigurationError(f"{name} holds {twice[0]} twice")
    return tuple(_options(one) for one in names)


def _options(name: str) -> Options:
    prefix = f"MODEL_{name.upper()}"
    return Options(
        name=name,
        url=_address(f"{prefix}_URL"),
        model=env.text(f"{prefix}_MODEL").strip(),
        key=env.text(f"{prefix}_KEY"),
        vision=env.boolean(f"{prefix}_VISION", default=False),
        concurrency=env.integer(f"{prefix}_CONCURRENCY", Options.concurrency, low=1, high=1000),
        per_minute=env.integer(f"{prefix}_PER_MINUTE", Options.per_minute, high=100_000),
        tokens_per_day=env.integer(f"{prefix}_TOKENS_PER_DAY", 0),
        budget_per_day=env.number(f"{prefix}_BUDGET_PER_DAY", 0.0),
        price_in=env.number(f"{prefix}_PRICE_IN", 0.0),
        price_out=env.number(f"{prefix}_PRICE_OUT", 0.0),
        timeout_s=env.integer(f"{prefix}_TIMEOUT", Options.timeout_s, low=1, high=LONGEST_TIMEOUT_S),
    )


def _address(name: str) -> str:
    value = env.text(name)
    if not value:
        return ""
    if "@" in value.partition("://")[2].partition("/")[0]:
        # Never the value itself: it holds a password.
        raise ConfigurationError(f"{name} holds a user or password; a key is given by {name.removesuffix('URL')}KEY")
    address = env.web_address(name, "")
    if urlsplit(address).query or urlsplit(address).fragment:
        raise ConfigurationError(f"{name}={value} holds more than the path of an API, such as https://HOST/v1")
    return address
