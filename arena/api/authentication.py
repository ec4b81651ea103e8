"""Who is asking: an API key in `Authorization: Bearer arena_…`, or the browser's session with its CSRF token."""

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from arena.api_keys import authenticate_api_key
from arena.errors import AccessDenied
from arena.models import ApiKey, Person
from arena.requests import client_address


class KeyAuthentication(BaseAuthentication):
    """A request that shows a key is judged by the key alone, whatever cookies it carries."""

    def authenticate(self, request: Request) -> tuple[Person, ApiKey] | None:
        scheme, _, secret = str(request.META.get("HTTP_AUTHORIZATION", "")).strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = authenticate_api_key(secret=secret.strip(), address=client_address(request), now=timezone.now())
        return key.person, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BrowserAuthentication(SessionAuthentication):
    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied:
            raise AccessDenied(
                "csrf_failed",
                "This write came without the token of our pages.",
                hint="Send the cookie csrftoken's value as X-CSRFToken, or use an API key.",
            ) from None
