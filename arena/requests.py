"""What a request tells about where it comes from."""

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request


def client_address(request: HttpRequest | Request) -> str:
    """The peer's address; behind a front server that is trusted, the address that it saw."""
    if settings.TRUST_FORWARDED_FOR:
        seen = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")[-1].strip()
        if seen:
            return str(seen)
    return str(request.META.get("REMOTE_ADDR", ""))
