"""What can go wrong between a station and the platform, each with the platform's code, sentence and hint."""

from __future__ import annotations

from typing import Any


class ArenaError(Exception):
    """The platform refused a call, or gave no answer. `code` is stable; `message` and `hint` are for people."""

    def __init__(self, code: str, message: str, *, hint: str = "", status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.status = status

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip() + f" [{self.code}]"


class NotSignedIn(ArenaError):
    """There is no API key, or it is not known, was revoked or has ended."""


class AccessDenied(ArenaError):
    """The key does not allow this."""


class NotFound(ArenaError):
    """There is nothing of that name that is yours."""


class Conflict(ArenaError):
    """It no longer fits what stands there now."""


class DraftChanged(Conflict):
    """Fields of the draft were changed elsewhere meanwhile: `fields` names them, `values` and `revision` stand."""

    def __init__(self, *given: Any, fields: list[str], revision: int, values: dict[str, Any], **more: Any) -> None:
        super().__init__(*given, **more)
        self.fields = fields
        self.revision = revision
        self.values = values


class InvalidInput(ArenaError):
    """The platform cannot take what was sent; `fields` says of each field why, where it is one field's fault."""

    def __init__(self, *given: Any, fields: dict[str, list[str]] | None = None, **more: Any) -> None:
        super().__init__(*given, **more)
        self.fields = fields or {}

    def __str__(self) -> str:
        of_fields = " ".join(f"{name}: {' '.join(texts)}" for name, texts in self.fields.items())
        return " ".join(part for part in (self.message, of_fields, self.hint, f"[{self.code}]") if part)


class TooMany(ArenaError):
    """Too many calls, or too many of something. `retry_after` is in seconds, where waiting helps."""

    def __init__(self, *given: Any, retry_after: float | None = None, **more: Any) -> None:
        super().__init__(*given, **more)
        self.retry_after = retry_after


class Unanswered(ArenaError):
    """The platform could not be reached, or only failed, for longer than patience lasts."""


class BadAnswer(ArenaError):
    """The answer is not of this API: a wrong address, a proxy's page, or a newer platform."""


_OF_STATUS: dict[int, type[ArenaError]] = {401: NotSignedIn, 403: AccessDenied, 404: NotFound, 409: Conflict}


def error_of(status: int, body: Any, *, retry_after: float | None = None) -> ArenaError:
    """The error that an answer of the platform stands for. `body` is its JSON, or None where it is none."""
    told = body.get("error") if isinstance(body, dict) else None
    if not isinstance(told, dict):
        return _of_status(status)("bad_answer", f"The server answered {status}.", status=status)
    said = (str(told.get("code") or "error"), str(told.get("message") or f"The server answered {status}."))
    more: dict[str, Any] = {"hint": str(told.get("hint") or ""), "status": status}
    fields, draft = told.get("fields"), told.get("draft")
    if status == 409 and isinstance(draft, dict):
        names = [str(name) for name in fields] if isinstance(fields, list) else []
        revision, values = int(draft.get("revision") or 0), dict(draft.get("values") or {})
        return DraftChanged(*said, fields=names, revision=revision, values=values, **more)
    if status == 429:
        return TooMany(*said, retry_after=retry_after, **more)
    if status in _OF_STATUS:
        return _OF_STATUS[status](*said, **more)
    if 400 <= status < 500:
        by_name = {
            str(name): [str(text) for text in texts] for name, texts in _items(fields) if isinstance(texts, list)
        }
        return InvalidInput(*said, fields=by_name, **more)
    return ArenaError(*said, **more)


def _items(fields: Any) -> list[tuple[Any, Any]]:
    return list(fields.items()) if isinstance(fields, dict) else []


def _of_status(status: int) -> type[ArenaError]:
    return _OF_STATUS.get(status, BadAnswer)
