"""What `manage.py check` says of the servers of models."""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  Django's name

from arena.hosts import host_in, is_loopback
from workers.providers.options import Options


def check_model_providers(**_: Any) -> Iterable[CheckMessage]:
    for options in settings.MODEL_PROVIDERS:
        yield from _misses(options)
        yield from _fits_badly(options)


def _misses(options: Options) -> Iterator[CheckMessage]:
    for setting, value in (("URL", options.url), ("MODEL", options.model)):
        if not value:
            yield Error(f"{_variable(options, setting)} is not set.", id="workers.E001")


def _fits_badly(options: Options) -> Iterator[CheckMessage]:
    if options.budget_per_day and not options.is_priced:
        yield Error(
            f"{_variable(options, 'BUDGET_PER_DAY')} is set and no price is: nothing would ever be counted.",
            hint="Set the prices of a million tokens, PRICE_IN and PRICE_OUT, or a limit in tokens.",
            id="workers.E002",
        )
    host = host_in(options.url)
    if options.key and urlsplit(options.url).scheme == "http" and host and not is_loopback(host):
        yield Warning(
            f"{_variable(options, 'URL')} is http: its key and what is asked travel unencrypted to {host}.",
            id="workers.W001",
        )


def _variable(options: Options, setting: str) -> str:
    return f"MODEL_{options.name.upper()}_{setting}"
