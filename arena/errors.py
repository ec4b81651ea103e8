"""What can go wrong, said once.

    ArenaError                400  the request cannot be carried out as it stands
    ├── NotFound              404  there is no such thing, or it is not yours
    ├── AccessDenied          403  known, but not allowed
    ├── NotSignedIn           401  no valid key or account
    ├── Conflict              409  the thing is in another state by now
    ├── TooLarge              413  more bytes than are taken
    ├── TooMany               429  more at once than is allowed
    └── Unavailable           503  nothing wrong with the request; it cannot be served now

Every error carries a stable code, one sentence for a person, and where it helps a hint about what to do. This module is
also the one place that maps them to HTTP: {"error": {"code", "message", "hint"}}.
"""

import logging
from collections.abc import Callable
from typing import Any

from django.core.exceptions import BadRequest, DisallowedHost, PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

logger = logging.getLogger(__name__)


class ArenaError(Exception):
    status = 400

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def body(self) -> dict[str, dict[str, str]]:
        return {"error": {"code": self.code, "message": self.message, "hint": self.hint}}


class NotFound(ArenaError):
    status = 404


class AccessDenied(ArenaError):
    status = 403


class NotSignedIn(ArenaError):
    status = 401


class Conflict(ArenaError):
    status = 409


class TooLarge(ArenaError):
    status = 413


class TooMany(ArenaError):
    status = 429


class Unavailable(ArenaError):
    status = 503


def as_arena_error(error: Exception) -> ArenaError | None:
    """The ArenaError that an error of Django or the REST framework stands for; None for one that is a bug."""
    match error:
        case ArenaError():
            return error
        case Http404() | drf.NotFound():
            return NotFound("not_found", "There is nothing at this address.")
        case PermissionDenied() | drf.PermissionDenied():
            return AccessDenied("access_denied", "Your account may not do this.")
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return NotSignedIn("not_signed_in", "Sign in first.")
        case drf.MethodNotAllowed():
            return _with_status("method_not_allowed", "This address does not take that method.", status=405)
        case drf.Throttled():
            return TooMany("too_many_requests", "Too many requests.", hint="Wait a moment and try again.")
        case OperationalError() | InterfaceError():
            return Unavailable(
                "database_away", "The platform cannot reach its database at the moment.", hint="Try again in a minute."
            )
        case DisallowedHost():
            return ArenaError(
                "unknown_host",
                "This site does not answer to the host name of this request.",
                hint="Its operator names the hosts in ALLOWED_HOSTS.",
            )
        case (
            RecursionError()
            | UnreadablePostError()
            | drf.APIException()
            | SuspiciousOperation()
            | BadRequest()
            | MultiPartParserError()
        ):
            return ArenaError("bad_request", "The request could not be understood.")
        case _:
            return None


def _with_status(code: str, message: str, *, status: int) -> ArenaError:
    error = ArenaError(code, message)
    error.status = status
    return error


def json_response(error: ArenaError) -> JsonResponse:
    return JsonResponse(error.body(), status=error.status)


def drf_exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """An error that nobody foresaw is logged and answered without its text, which could hold anything."""
    known = as_arena_error(error)
    if known is None:
        logger.error("%s failed", type(context["view"]).__name__, exc_info=error)
        known = _with_status("internal_error", "Something broke on our side; it has been logged.", status=500)
    set_rollback()
    return Response(known.body(), status=known.status)


def page(request: HttpRequest, error: ArenaError) -> HttpResponse:
    return render(request, "error.html", {"error": error}, status=error.status)


class ArenaErrorMiddleware:
    """Answers an ArenaError raised by a page with the error page; protocol views map their own errors."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return page(request, exception) if isinstance(exception, ArenaError) else None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A page for a browser; for anything else, which may be an evaluation client, the error itself."""
    error = as_arena_error(exception) or ArenaError("bad_request", "The request could not be understood.")
    return page(request, error) if "text/html" in request.headers.get("Accept", "") else json_response(error)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return page(request, AccessDenied("access_denied", "Your account may not see this page."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return page(
        request,
        AccessDenied(
            "form_expired",
            "This form can no longer be sent.",
            hint="Load its page again and repeat. Your browser must accept our cookies.",
        ),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return page(request, NotFound("not_found", "There is no such page."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Without templates or the database: either may be what failed."""
    body = "<!doctype html><title>Policy Arena</title><h1>Something broke on our side</h1><p>It has been logged.</p>"
    return HttpResponse(body, status=500)
