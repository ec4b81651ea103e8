"""What can go wrong, said once.

    ArenaError                400  the request cannot be carried out as it stands
    ├── NotFound              404  there is no such thing, or it is not yours
    ├── AccessDenied          403  known, but not allowed
    ├── NotSignedIn           401  no valid key or account
    ├── MethodNotAllowed      405  the address does not take that method
    ├── Conflict              409  the thing is in another state by now
    ├── TooLarge              413  more bytes than are taken
    ├── TooMany               429  more at once than is allowed
    └── Unavailable           503  nothing wrong with the request; it cannot be served now

Every error carries a stable code, one sentence for a person, and where it helps a hint about what to do. This module is
also the one place that maps them to HTTP: {"error": {"code", "message", "hint"}}, in some cases with further details.
"""

import logging
import math
from collections.abc import Callable, Mapping
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

    def details(self) -> dict[str, Any]:
        """What else a program may want to know."""
        return {}

    def body(self) -> dict[str, dict[str, Any]]:
        return {"error": {"code": self.code, "message": self.message, "hint": self.hint, **self.details()}}


class InvalidInput(ArenaError):
    """Some fields hold what they cannot: `fields` says of each what is wrong."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        first = next(iter(fields), "")
        message = f"{first}: {fields[first][0]}" if first else "The request holds something that it cannot."
        super().__init__("invalid_input", message)
        self.fields = fields

    def details(self) -> dict[str, Any]:
        return {"fields": self.fields}


class NotFound(ArenaError):
    status = 404


class AccessDenied(ArenaError):
    status = 403


class NotSignedIn(ArenaError):
    status = 401


class Conflict(ArenaError):
    status = 409


class MethodNotAllowed(ArenaError):
    status = 405

    def __init__(self) -> None:
        super().__init__("method_not_allowed", "This address does not take that method.")


class TooLarge(ArenaError):
    status = 413


class TooMany(ArenaError):
    status = 429
    retry_after: int | None = None
    """Seconds; None where only the one who asks can change something."""


class Unavailable(ArenaError):
    status = 503


def as_arena_error(error: Exception) -> ArenaError | None:
    """The ArenaError that an error of Django or the REST framework stands for; None for one that is a bug."""
    match error:
        case ArenaError():
            return error
        case Http404():
            return NotFound("not_found", "There is nothing at this address.")
        case PermissionDenied():
            return AccessDenied("access_denied", "Your account may not do this.")
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
        case drf.APIException():
            return _of_the_rest_framework(error)
        case RecursionError() | UnreadablePostError() | SuspiciousOperation() | BadRequest() | MultiPartParserError():
            return ArenaError("bad_request", "The request could not be understood.")
        case _:
            return None


def _of_the_rest_framework(error: drf.APIException) -> ArenaError:
    match error:
        case drf.NotFound():
            return NotFound("not_found", "There is nothing at this address.")
        case drf.PermissionDenied():
            return AccessDenied("access_denied", "Your account may not do this.")
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return NotSignedIn("not_signed_in", "Sign in first.")
        case drf.MethodNotAllowed():
            return MethodNotAllowed()
        case drf.UnsupportedMediaType():
            return _with_status("unsupported_media_type", "This address does not take that content type.", status=415)
        case drf.ValidationError():
            return InvalidInput(_by_field(error.detail))
        case drf.Throttled():
            many = TooMany("too_many_requests", "Too many requests.", hint="Wait a moment and try again.")
            many.retry_after = math.ceil(getattr(error, "wait", None) or 1)
            return many
        case _:
            return ArenaError("bad_request", "The request could not be understood.")


def _by_field(detail: Any, path: str = "") -> dict[str, list[str]]:
    """The REST framework's nested messages as one list of sentences a field, `rubric.0.percent` for an inner one."""
    if isinstance(detail, Mapping):
        inner = [(f"{path}.{name}" if path else str(name), value) for name, value in detail.items()]
    elif isinstance(detail, list) and any(isinstance(item, Mapping | list) for item in detail):
        inner = [(f"{path}.{number}", value) for number, value in enumerate(detail)]
    else:
        sentences = detail if isinstance(detail, list) else [detail]
        return {path or "request": [str(one) for one in sentences]} if sentences else {}
    return {name: said for path, value in inner for name, said in _by_field(value, path).items()}


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
    answer = Response(known.body(), status=known.status)
    if isinstance(known, TooMany) and known.retry_after is not None:
        answer["Retry-After"] = str(known.retry_after)
    return answer


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
    if request.path.startswith("/api/"):
        return json_response(NotFound("not_found", "There is nothing at this address."))
    return page(request, NotFound("not_found", "There is no such page."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Without templates or the database: either may be what failed."""
    body = "<!doctype html><title>Policy Arena</title><h1>Something broke on our side</h1><p>It has been logged.</p>"
    return HttpResponse(body, status=500)
