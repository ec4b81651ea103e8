"""Drafts: what an evaluator has entered so far, kept on the server at every change.

Two tabs, or a laptop and a tablet, may write at once. Each says on which revision its changes rest; a field that
somebody else has changed since to another value is not overwritten: the writer is told what stands.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from arena.errors import ArenaError, Conflict
from evaluations import sessions
from evaluations.models import Draft, FailureMode, Label, Preference, Session
from evaluations.reasons import INVALID_REASONS

NOTES_MAX_LENGTH = 20_000

Check = Callable[[Any], bool]


def _optional(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _is_percent(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 100


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_text(most: int) -> Check:
    return lambda value: isinstance(value, str) and len(value) <= most and "\x00" not in value


def _is_one_of(choices: Any) -> Check:
    return lambda value: isinstance(value, str) and value in {str(choice) for choice in choices}


def _are_failure_modes(value: Any) -> bool:
    return isinstance(value, list) and len(value) == len(set(map(str, value))) and all(map(_IS_FAILURE_MODE, value))


_IS_FAILURE_MODE = _is_one_of(FailureMode)
_OF_A_SIDE: dict[str, Check] = {
    "progress": _optional(_is_percent),
    "success": _optional(_is_boolean),
    "failure_modes": _are_failure_modes,
    "recovered": _optional(_is_boolean),
    "done": _is_boolean,  # the evaluator has gone on from this rollout
}
FIELDS: dict[str, Check] = {
    **{f"{label.lower()}_{name}": check for label in Label.values for name, check in _OF_A_SIDE.items()},
    "scene_restored": _is_boolean,
    "preference": _optional(_is_one_of(Preference)),
    "notes": _is_text(NOTES_MAX_LENGTH),
    "valid": _is_boolean,
    "invalid_reason": _optional(_is_one_of(INVALID_REASONS)),
    "invalid_comment": _is_text(sessions.COMMENT_MAX_LENGTH),
}


class DraftConflict(Conflict):
    """Some fields were changed elsewhere meanwhile: `fields` names them, `draft` is what stands."""

    def __init__(self, fields: list[str], draft: Draft) -> None:
        super().__init__(
            "draft_changed",
            "This was changed in another tab or on another device meanwhile.",
            hint="Look at what stands there now, then enter yours again where it is to hold.",
        )
        self.fields = fields
        self.draft = draft

    def details(self) -> dict[str, Any]:
        stands = view(self.draft)
        return {"fields": self.fields, "draft": {"revision": stands.revision, "values": stands.values}}


@dataclass(frozen=True)
class DraftView:
    """A draft's values by name, with the revision that they are of."""

    revision: int
    values: dict[str, Any]


def read(session: Session) -> DraftView:
    draft = Draft.objects.filter(session=session).first()
    return view(draft) if draft else DraftView(0, {})


def view(draft: Draft) -> DraftView:
    return DraftView(draft.revision, {name: field["value"] for name, field in draft.fields.items()})


@transaction.atomic
def save(*, session: Session, revision: int, changes: Mapping[str, Any], now: datetime) -> Draft:
    """Keep `changes`, which rest on `revision`; all of them or, where one conflicts, none.

    Raises DraftConflict. Saving what stands already changes nothing. Who writes is at work: the lease runs anew.
    """
    _check(changes)
    session = sessions.lock(session=session, now=now)
    if not session.is_open:
        raise sessions.ended()
    sessions.require_member(session)
    draft, _ = Draft.objects.get_or_create(session=session)
    conflicts = [name for name, value in changes.items() if _is_contested(draft, name, value, revision)]
    if conflicts:
        raise DraftConflict(conflicts, draft)
    changed = {name: value for name, value in changes.items() if _standing(draft, name) != value}
    if changed:
        draft.revision += 1
        draft.fields |= {name: {"value": value, "revision": draft.revision} for name, value in changed.items()}
        draft.updated_at = now
        draft.save(update_fields=["revision", "fields", "updated_at"])
    session.lease_expires_at = now + settings.SESSION_LEASE
    session.save(update_fields=["lease_expires_at"])
    return draft


def _check(changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if name not in FIELDS:
            raise ArenaError("bad_draft", f"A draft has no field {name[:40]!r}.", hint=f"It has {', '.join(FIELDS)}.")
        if not FIELDS[name](value):
            raise ArenaError("bad_draft", f"This is no value for {name}.")


def _is_contested(draft: Draft, name: str, value: Any, revision: int) -> bool:
    field = draft.fields.get(name)
    return field is not None and field["revision"] > revision and field["value"] != value


def _standing(draft: Draft, name: str) -> Any:
    return draft.fields[name]["value"] if name in draft.fields else _NOTHING


_NOTHING = object()
