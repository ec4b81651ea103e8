"""The session's form as a browser without scripts posts it, as changes of the draft."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import QueryDict

from arena.errors import ArenaError
from evaluations import drafts
from evaluations.models import Draft, Label, Session

_YES_OR_NO = {"yes": True, "no": False}
_UNTOUCHED: dict[str, Any] = {
    "failure_modes": [],
    "recovered": False,
    "scene_restored": False,
    "notes": "",
    "invalid_comment": "",
    "valid": True,
}


def save_posted(*, session: Session, data: QueryDict, now: datetime) -> Draft | None:
    """Keep what the form says, as far as it differs from the draft. Raises DraftConflict, or ArenaError `bad_draft`."""
    standing = drafts.read(session).values
    posted = _posted(data)
    changes = {name: value for name, value in posted.items() if not _says_the_same(name, value, standing)}
    if not changes:
        return None
    return drafts.save(session=session, revision=_revision(data), changes=changes, now=now)


def _posted(data: QueryDict) -> dict[str, Any]:
    """Fields that the form did not hold are left as they are: the form names those that it holds."""
    values: dict[str, Any] = {}
    for name in Label.values:
        side = name.lower()
        if f"{side}_shown" in data:
            values[f"{side}_progress"] = _percent(data.get(f"{side}_progress", ""))
            values[f"{side}_success"] = _YES_OR_NO.get(data.get(f"{side}_success", ""))
            values[f"{side}_failure_modes"] = data.getlist(f"{side}_failure_modes")
            values[f"{side}_recovered"] = "yes" in data.getlist(f"{side}_recovered")
    if "judge_shown" in data:
        values["scene_restored"] = "scene_restored" in data
        values["preference"] = data.get("preference") or None
        values["notes"] = data.get("notes", "").replace("\r\n", "\n")
        values["valid"] = data.get("valid") != "no"
        values["invalid_reason"] = data.get("invalid_reason") or None
        values["invalid_comment"] = data.get("invalid_comment", "").replace("\r\n", "\n")
    return values


def _says_the_same(name: str, value: Any, standing: Mapping[str, Any]) -> bool:
    """A field that nobody touched says what its empty form says."""
    before = standing.get(name)
    return bool(value == (_untouched(name) if before is None else before))


def _untouched(name: str) -> Any:
    return next((value for end, value in _UNTOUCHED.items() if name.endswith(end)), None)


def _percent(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= 100):
        raise ArenaError("bad_draft", "Progress is a whole number from 0 to 100.")
    return int(text)


def _revision(data: QueryDict) -> int:
    text = data.get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
