"""What `manage.py check` says of settings of accounts."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004  Django's name

from arena.hosts import host_in, is_loopback


def check_mail(**_: Any) -> Iterable[CheckMessage]:
    if not settings.EMAIL_HOST and not is_loopback(host_in(settings.PUBLIC_URL)):
        yield Warning(
            f"EMAIL_URL is not set: e-mail is written as files to {settings.EMAIL_FILE_PATH} and reaches nobody.",
            hint="Without it nobody can sign up, or reset a password, unless you pass the links on.",
            id="arena.W004",
        )
