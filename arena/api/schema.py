"""How operations are described in the OpenAPI document: what every one of them has in common is said here, once."""

import re
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema_field
from rest_framework import serializers

from arena.api.fields import Output, Text
from arena.api.permissions import Open

_ALWAYS = {
    "400": "The request cannot be carried out as it stands.",
    "401": "No valid key or account.",
    "403": "Known, but not allowed.",
    "404": "There is no such thing, or it is not yours.",
    "405": "The address does not take that method.",
    "429": "Too many requests; `Retry-After` says how many seconds to wait, where waiting helps.",
    "503": "Nothing is wrong with the request; it cannot be served now.",
}
_WRITES = {
    "409": "The thing is in another state by now.",
    "413": "More bytes than are taken.",
    "415": "The address does not take that content type.",
}


@extend_schema_field(
    {
        "description": "`invalid_input`: what is wrong, by field. `draft_changed`: the names of the contested fields.",
        "oneOf": [
            {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
            {"type": "array", "items": {"type": "string"}},
        ],
    }
)
class FieldsOfError(serializers.JSONField):
    pass


class StandingDraft(Output):
    revision = serializers.IntegerField()
    values = serializers.DictField(child=serializers.JSONField())


class ErrorText(Output):
    code = serializers.CharField(help_text="Stable; docs/errors.md lists them.")
    message = serializers.CharField(help_text="One sentence for a person.")
    hint = serializers.CharField(allow_blank=True, help_text="What to do, where that helps.")
    fields = FieldsOfError(required=False)  # type: ignore[assignment]
    draft = StandingDraft(required=False, help_text="`draft_changed`: what stands now.")


class ErrorOutput(Output):
    error = ErrorText()


class Schema(AutoSchema):
    view: Any

    def get_tags(self) -> list[str]:
        return [self.view.tag]

    def get_operation_id(self) -> str:
        words = re.sub(r"(?<!^)(?=[A-Z])", "_", type(self.view).__name__).lower()
        return f"{words}_{self.method.lower()}"

    def get_summary(self) -> str:
        return self._doc()[0]

    def get_description(self) -> str:  # type: ignore[override]
        return self._doc()[1]

    def _doc(self) -> tuple[str, str]:
        """The first sentence of a handler's docstring is its summary, the rest its description."""
        text = " ".join((getattr(self.view, self.method.lower()).__doc__ or "").split())
        summary, _, rest = text.partition(". ")
        return summary.rstrip("."), rest

    def get_auth(self) -> list[dict[str, Any]]:
        schemes = super().get_auth()
        wanted = self.view.access[self.method]
        if wanted is Open.TO_ALL:
            return [{}, *schemes]
        return [{"browser": []}] if wanted is Open.TO_BROWSERS else schemes

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_serializer_field(  # type: ignore[no-untyped-call]
            field, direction, bypass_extensions
        )
        if isinstance(field, Text):
            schema["pattern"] = _ANY_TEXT if field.allow_blank else _SOME_TEXT
        return schema

    def get_extensions(self) -> dict[str, Any]:
        wanted = self.view.access[self.method]
        return {} if isinstance(wanted, Open) else {"x-scopes": [scope.value for scope in wanted]}

    def get_override_parameters(self) -> list[Any]:
        query = self.view.queries.get(self.method)
        found: list[Any] = [query] if query else []
        return found if self.method == "GET" else [*found, _IDEMPOTENCY_KEY]

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status, description in (_ALWAYS if self.method == "GET" else _ALWAYS | _WRITES).items():
            error = OpenApiResponse(ErrorOutput, description=description)
            answer = self._get_response_for_code(error, status, _JSON)  # type: ignore[no-untyped-call]
            bodies.setdefault(status, answer)
        return dict(sorted(bodies.items()))


_JSON = ["application/json"]
_ANY_TEXT = r"^[^\x00]*$"
_SOME_TEXT = r"^[^\x00]*[^\s\x00][^\x00]*$"
_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    type={"type": "string", "minLength": 1, "maxLength": 80, "pattern": "^[ -~]+$"},
    location=OpenApiParameter.HEADER,
    description="The same request with the same key is carried out once: a repeat is given the first answer.",
)


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "arena.api.authentication.KeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key, `arena_…`, made under /account/keys."}


class BrowserScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "arena.api.authentication.BrowserAuthentication"
    name = "browser"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "A signed-in browser; writes carry the cookie `csrftoken` as `X-CSRFToken`.",
        }


def only_our_api(endpoints: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Neither the calls of the RoboArena client nor the uploads, whose protocol is described by hand."""
    return [end for end in endpoints if end[0].startswith("/api/v1/") and not end[0].startswith("/api/v1/uploads")]


def in_our_form(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Inputs refuse what they do not know, and say so; errors, which are the same everywhere, are described once."""
    for name, schema in result["components"]["schemas"].items():
        if name.endswith("Input"):
            schema["additionalProperties"] = False
    result["components"]["responses"] = {
        _error_name(status): {
            "description": description,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorOutput"}}},
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
        }
        for status, description in sorted((_ALWAYS | _WRITES).items())
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            for status in operation["responses"].keys() & (_ALWAYS | _WRITES).keys():
                operation["responses"][status] = {"$ref": f"#/components/responses/{_error_name(status)}"}
    return result


def _error_name(status: str) -> str:
    return f"Error{status}"


_HEADERS: dict[str, Any] = {
    "401": {"WWW-Authenticate": {"schema": {"type": "string"}}},
    "405": {"Allow": {"schema": {"type": "string"}}},
    "429": {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}, "description": "Seconds."}},
}
