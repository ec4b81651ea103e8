"""Submitting what was entered in the browser or through the API: the draft becomes episodes and a result, at once.

A side whose client has uploaded its episode already keeps that one: the first stands.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from arena.errors import ArenaError
from evaluations import drafts, episodes, sessions
from evaluations.episodes import EpisodeReport
from evaluations.models import Episode, FailureMode, Label, Preference, Session, Side, State
from evaluations.reasons import Reason
from evaluations.sessions import Judgement

_ASKED_OF_A_SIDE = {"progress": "How far did {} get?", "success": "Did {} do the task?"}


@dataclass(frozen=True)
class Missing:
    """Something that a valid result needs and that was not entered yet."""

    field: str
    text: str


def missing(session: Session, values: dict[str, Any], *, reported: Collection[str] | None = None) -> list[Missing]:
    """What stands between the draft and a submission that counts; empty where it can be submitted as it is.

    `reported` are the sides whose episodes have been told, where the caller knows them already.
    """
    if values.get("valid", True) is False:
        return [] if values.get("invalid_reason") else [Missing("invalid_reason", "Say why it is not to count.")]
    if reported is None:
        reported = set(Episode.objects.filter(side__session=session).values_list("side__label", flat=True))
    found = [
        Missing(f"{label.lower()}_{name}", question.format(label))
        for label in Label.values
        if label not in reported
        for name, question in _ASKED_OF_A_SIDE.items()
        if values.get(f"{label.lower()}_{name}") is None
    ]
    if values.get("preference") is None:
        found.append(Missing("preference", "Which of the two was better, or was it a tie?"))
    return found


@transaction.atomic
def submit_draft(
    *, session: Session, now: datetime, veiled: bool = True, entries: Mapping[str, Any] | None = None
) -> Session:
    """End the session with what its draft says, `entries` entered into it first. A repeat returns the first outcome.

    Raises ArenaError `incomplete` where a valid result would lack something: nothing is lost, the session stays open.
    """
    session = sessions.lock(session=session, now=now)
    if session.state == State.SUBMITTED:
        return session
    standing = drafts.read(session)
    values = standing.values | dict(entries or {})
    if session.is_open:
        if entries:
            drafts.save(session=session, revision=standing.revision, changes=entries, now=now)
        lacking = missing(session, values)
        if lacking:
            raise ArenaError("incomplete", " ".join(one.text for one in lacking))
        for side in session.sides.exclude(episode__isnull=False):
            _write_episode(side, values, now)
    return sessions.submit(session=session, judgement=_judgement(values), now=now, veiled=veiled)


def _write_episode(side: Side, values: dict[str, Any], now: datetime) -> None:
    """A rollout that was never scored leaves no episode: it is then part of a session that does not count."""
    entered = {name: values.get(f"{side.label.lower()}_{name}") for name in ("progress", "success", "recovered")}
    if entered["progress"] is None:
        return
    modes = values.get(f"{side.label.lower()}_failure_modes") or []
    report = EpisodeReport(
        progress=entered["progress"] / 100,
        success=entered["success"],  # not said, where the session is not to count
        recovered=entered["recovered"],
        failure_modes=tuple(FailureMode(mode) for mode in modes),
    )
    episodes.write(side, report, now)


def _judgement(values: dict[str, Any]) -> Judgement:
    preference = values.get("preference")
    return Judgement(
        preference=Preference(preference) if preference else None,
        notes=values.get("notes", "").strip(),
        valid=values.get("valid", True),
        invalid_reason=Reason(values.get("invalid_reason") or Reason.MARKED_INVALID),
        comment=sessions.clean_comment(values.get("invalid_comment", "")),
    )
