"""The class that every operation of /api/v1/ is made of. Deny by default: `access` names who may call what."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from rest_framework import serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from arena.api import idempotency
from arena.api.authentication import BrowserAuthentication, KeyAuthentication
from arena.api.fields import Input
from arena.api.parsers import StrictJson
from arena.api.permissions import Access, NamedAccess, named_method
from arena.api.throttling import PerMinute
from arena.errors import ArenaError, TooLarge

InputT = TypeVar("InputT", bound=serializers.Serializer[Any])

MAX_JSON_BYTES = 256 * 1024


class AlwaysJson(DefaultContentNegotiation):
    """There is one form of answers, whatever `Accept` says."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class ApiView(APIView):
    access: ClassVar[Mapping[str, Access]] = {}
    # For each method that takes a query, what may be in it.
    queries: ClassVar[Mapping[str, type[Input]]] = {}
    # Names in an answer that are not kept with it: a repeated request is not told them, unless `renewed` says so.
    told_once: ClassVar[Sequence[str]] = ()
    tag = ""

    authentication_classes = (KeyAuthentication, BrowserAuthentication)
    permission_classes = (NamedAccess,)
    throttle_classes = (PerMinute,)
    parser_classes: Sequence[type[BaseParser]] = (StrictJson,)
    content_negotiation_class = AlwaysJson
    metadata_class = None
    max_body_bytes = MAX_JSON_BYTES

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        _require_known_length(request, self.max_body_bytes)
        super().initial(request, *args, **kwargs)
        method = named_method(request)
        self.query = read(self.queries.get(method, Input), request.query_params.dict())
        if method not in SAFE_METHODS:
            # The view serves this one request: its handler is wrapped here, after all that may refuse it.
            handler = getattr(self, method.lower())
            setattr(self, method.lower(), idempotency.once(handler, secrets=self.told_once, renewed=self.renewed))

    def renewed(self, body: Any) -> Any:
        """The kept answer as a repeated request is given it."""
        return body

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        if response.status_code == 401:
            response["WWW-Authenticate"] = "Bearer"
        return response


def read(kind: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    """`data` checked by an input."""
    checked = kind(data=data)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def answer(kind: type[serializers.Serializer[Any]], values: Any, *, status: int = 200) -> Response:
    return Response(kind(values).data, status=status)


def _require_known_length(request: Request, most: int) -> None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal():
        raise ArenaError("bad_request", "The request does not say how long it is.")
    if int(length) > most:
        raise TooLarge("request_too_large", f"More than {most // 1024} KiB in one request.")
    if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        raise ArenaError("bad_request", "Chunked requests are not taken: say Content-Length.")
