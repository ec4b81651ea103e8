"""What `manage.py check` says of settings that fit badly together. Every command runs these before its work."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  Django's name
from django.http.request import validate_host

from arena import runtime_role
from arena.hosts import host_in, is_loopback
from arena.relay_address import RelayAddressError, relay_address

SHORTEST_SECRET_KEY = 32
# Sessions that measure the noise are paid for with those that rank.
LARGEST_SHARE_FOR_NOISE = 0.25


def check_secret_key(**_: Any) -> Iterable[CheckMessage]:
    if len(settings.SECRET_KEY) < SHORTEST_SECRET_KEY:
        yield Warning(
            f"SECRET_KEY has fewer than {SHORTEST_SECRET_KEY} characters: cookies and relay tokens could be forged.",
            hint="Leave it unset, and one is made and kept under ARENA_HOME.",
            id="arena.W001",
        )


def check_allowed_hosts(**_: Any) -> Iterable[CheckMessage]:
    host = host_in(settings.PUBLIC_URL)
    if not validate_host(host, settings.ALLOWED_HOSTS):
        yield Warning(
            f"ALLOWED_HOSTS lacks {host}, the host of PUBLIC_URL: the site does not answer there.", id="arena.W002"
        )


def check_relay_address(**_: Any) -> Iterable[CheckMessage]:
    try:
        relay = relay_address()
    except RelayAddressError as error:
        yield Error(f"RELAY_PUBLIC_URL: {error}", id="arena.E001")
        return
    if is_loopback(relay.host) and not is_loopback(host_in(settings.PUBLIC_URL)):
        yield Warning(
            "PUBLIC_URL is public and RELAY_PUBLIC_URL is this machine alone: clients elsewhere cannot run a rollout.",
            hint="Set RELAY_PUBLIC_URL to where clients reach the relay.",
            id="arena.W003",
        )


def check_shares_of_draws(**_: Any) -> Iterable[CheckMessage]:
    together = settings.REPEAT_SHARE + settings.SAME_POLICY_SHARE
    if together > LARGEST_SHARE_FOR_NOISE:
        yield Error(
            f"REPEAT_SHARE and SAME_POLICY_SHARE add up to {together:g}: more than {LARGEST_SHARE_FOR_NOISE:g} of all "
            "sessions would measure the noise.",
            id="arena.E002",
        )


def check_season(**_: Any) -> Iterable[CheckMessage]:
    if 12 % settings.SEASON_MONTHS:
        yield Error(
            f"SEASON_MONTHS is {settings.SEASON_MONTHS}, which does not divide a year.",
            hint="1, 2, 3, 4, 6 and 12 do.",
            id="arena.E003",
        )


def check_database_role(*, databases: Sequence[str] | None = None, **_: Any) -> Iterable[CheckMessage]:
    """Asked of the database: by `check --database default` and `migrate`."""
    if "default" in (databases or ()):
        for sentence in runtime_role.warnings():
            yield Warning(sentence, hint="See docs/operators.md, Who may write what in the database.", id="arena.W005")


ALL = (check_secret_key, check_allowed_hosts, check_relay_address, check_shares_of_draws, check_season)
