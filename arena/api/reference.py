"""An OpenAPI document as rows for a page: operations by resource, fields of what is sent and answered. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

_ORDER = ("You", "Tasks", "Sessions", "Uploads", "Stations", "Labs", "Access codes", "Applications", "Public")
_METHODS = ("get", "head", "post", "patch", "delete")
_DEEPEST = 4


@dataclass(frozen=True)
class Field:
    """One field; `depth` says within how many others it lies."""

    name: str
    type: str
    text: str
    required: bool
    depth: int = 0

    @property
    def pieces(self) -> list[tuple[str, bool]]:
        return pieces(self.text)


@dataclass(frozen=True)
class Answer:
    status: str
    text: str
    fields: list[Field]
    same_as: str = ""


@dataclass(frozen=True)
class Operation:
    anchor: str
    method: str
    path: str
    summary: str
    text: str
    access: str
    parameters: list[Field]
    body_type: str
    body: list[Field]
    answers: list[Answer]
    errors: str
    example: str

    @property
    def kind(self) -> str:
        return "read" if self.method in ("GET", "HEAD") else "write"

    @property
    def pieces(self) -> list[tuple[str, bool]]:
        return pieces(self.text)

    @property
    def summary_pieces(self) -> list[tuple[str, bool]]:
        return pieces(self.summary)


@dataclass(frozen=True)
class Group:
    name: str
    operations: list[Operation] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        return self.name.lower().replace(" ", "-")


def pieces(text: str) -> list[tuple[str, bool]]:
    """The text cut at its backticks; what stood between two of them is code."""
    return [(piece, number % 2 == 1) for number, piece in enumerate(text.split("`")) if piece]


def groups_of(document: dict[str, Any], *, server: str) -> list[Group]:
    groups = {name: Group(name) for name in _ORDER}
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                made = _Reader(document, server).operation(path, method, operations[method])
                name = operations[method]["tags"][0]
                groups.setdefault(name, Group(name)).operations.append(made)
    return [group for group in groups.values() if group.operations]


class _Reader:
    def __init__(self, document: dict[str, Any], server: str) -> None:
        self._document = document
        self._server = server

    def operation(self, path: str, method: str, found: dict[str, Any]) -> Operation:
        body_type, schema = self._body(found)
        answers = {status: self._resolved(answer) for status, answer in found["responses"].items()}
        return Operation(
            anchor=found["operationId"].replace("_", "-"),
            method=method.upper(),
            path=path,
            summary=found.get("summary", ""),
            text=found.get("description", ""),
            access=_access(found),
            parameters=[self._parameter(one) for one in found.get("parameters", [])],
            body_type=body_type,
            body=list(self._fields(schema)),
            answers=self._answers(answers),
            errors=", ".join(status for status in answers if status >= "300"),
            example=self._example(path, method, found, body_type, schema),
        )

    def _body(self, found: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        for content_type, media in found.get("requestBody", {}).get("content", {}).items():
            return content_type, self._resolved(media["schema"])
        return "", {}

    def _parameter(self, found: dict[str, Any]) -> Field:
        schema = self._resolved(found["schema"])
        where = {"path": "in the path", "query": "in the query", "header": "header"}[found["in"]]
        text = _sentences(found.get("description", ""), _bounds(schema))
        return Field(found["name"], f"{_type(schema)}, {where}", text, found.get("required", False))

    def _answers(self, found: dict[str, Any]) -> list[Answer]:
        answers: list[Answer] = []
        for status, one in found.items():
            if status < "300":
                answer = self._answer(status, one)
                alike = [earlier.status for earlier in answers if answer.fields and earlier.fields == answer.fields]
                answers.append(replace(answer, same_as=alike[0] if alike else ""))
        return answers

    def _answer(self, status: str, found: dict[str, Any]) -> Answer:
        media = found.get("content", {}).get("application/json", {})
        schema = self._resolved(media.get("schema", {}))
        return Answer(status, found.get("description", ""), list(self._fields(schema)))

    def _fields(self, schema: dict[str, Any], depth: int = 0) -> Iterator[Field]:
        required = schema.get("required", [])
        for name, given in schema.get("properties", {}).items():
            inner = self._resolved(given)
            text = _sentences(given.get("description", ""), _bounds(inner))
            yield Field(name, _type(inner), text, name in required, depth)
            items = self._resolved(inner.get("items", {}))
            if depth < _DEEPEST:
                yield from self._fields(items if inner.get("type") == "array" else inner, depth + 1)

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema behind references; what stands beside a reference is kept."""
        if "allOf" in schema and len(schema["allOf"]) == 1:
            beside = {name: value for name, value in schema.items() if name != "allOf"}
            return {**self._resolved(schema["allOf"][0]), **beside}
        if "$ref" not in schema:
            return schema
        found: Any = self._document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return self._resolved(found)

    def _example(self, path: str, method: str, found: dict[str, Any], body_type: str, schema: dict[str, Any]) -> str:
        lines = [f"curl {self._server}{path}" if method == "get" else f"curl -X {method.upper()} {self._server}{path}"]
        if {} not in found.get("security", []):
            lines.append('-H "Authorization: Bearer arena_…"')
        for one in found.get("parameters", []):
            if one["in"] == "header" and one.get("required"):
                lines.append(f'-H "{one["name"]}: …"')
        if body_type == "application/json":
            values = json.dumps(self._sample(schema), ensure_ascii=False)
            lines += ['-H "Content-Type: application/json"', f"-d '{values}'"]
        elif body_type == "multipart/form-data":
            lines += [_form_part(name, self._resolved(one)) for name, one in schema["properties"].items()]
        elif body_type:
            lines += [f'-H "Content-Type: {body_type}"', "--data-binary @FILE"]
        return " \\\n  ".join(lines)

    def _sample(self, schema: dict[str, Any]) -> Any:
        """A value of the schema: with its required fields, or with all where none is."""
        schema = self._resolved(schema)
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "object":
                wanted = schema.get("required") or list(schema.get("properties", {}))[:1]
                return {name: self._sample(schema["properties"][name]) for name in wanted}
            case "array":
                return [self._sample(schema["items"])]
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return True
            case _:
                return "…"


def _form_part(name: str, schema: dict[str, Any]) -> str:
    value = "@FILE" if schema.get("format") == "binary" else schema.get("enum", ["…"])[0]
    return f"-F {name}={value}"


def _access(found: dict[str, Any]) -> str:
    security = found.get("security", [])
    if {} in security:
        return "Open to all"
    if security == [{"browser": []}]:
        return "Signed-in browser only"
    return "Scope " + " or ".join(found.get("x-scopes", []))


def _type(schema: dict[str, Any]) -> str:
    if "oneOf" in schema:
        return " or ".join(_type(one) for one in schema["oneOf"])
    kind = str(schema.get("type", "any value"))
    if kind == "array":
        items = schema.get("items", {})
        kind = f"list of {_type(items)}s" if "type" in items else "list of objects" if items else "list"
    elif kind == "string":
        kind = {"date-time": "time", "uuid": "UUID", "email": "e-mail", "binary": "file", "uri": "address"}.get(
            schema.get("format", ""), "text"
        )
    return f"{kind} or null" if schema.get("nullable") else kind


def _sentences(*parts: str) -> str:
    return " ".join(f"{part[0].upper()}{part[1:].rstrip('.')}." for part in parts if part)


def _bounds(schema: dict[str, Any]) -> str:
    choices = schema.get("enum") or schema.get("items", {}).get("enum")
    if choices:
        return "One of " + ", ".join(f"`{choice}`" for choice in choices if choice not in ("", None))
    parts = []
    if "minimum" in schema and "maximum" in schema and schema["maximum"] < 2**31 - 1:
        parts.append(f"{schema['minimum']} to {schema['maximum']}")
    if "maxLength" in schema:
        parts.append(f"at most {schema['maxLength']} characters")
    if "default" in schema and schema["default"] not in (None, "", []):
        parts.append(f"default {json.dumps(schema['default'])}")
    return ", ".join(parts)
