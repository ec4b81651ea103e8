"""What the evaluator's pages show. Nothing of a page before the reveal may depend on which policies were dealt."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.urls import reverse

from arena.models import Person
from evaluations import assignments, drafts, guesses, live, selectors, sessions, submissions
from evaluations.drafts import DraftConflict, DraftView
from evaluations.evaluate import selectors as reads
from evaluations.evaluate import starting, steps
from evaluations.evaluate.starting import StartForm
from evaluations.models import Episode, FailureMode, Label, MediaFile, Session, Side
from evaluations.reasons import ABANDON_REASONS, INVALID_REASONS, Reason
from evaluations.submissions import Missing
from evaluations.trying import selectors as tried

WARNING_MINUTES = 15
"""How long before its end a session's evaluator is told of it."""


def start_page(*, person: Person, form: StartForm, now: datetime) -> dict[str, Any]:
    stations = reads.stations_of(person)
    chosen = next((station for station in stations if str(station.pk) == form.station), None)
    if chosen is None and stations and not form.station:
        last = reads.last_station(person)
        chosen = next((station for station in stations if station.pk == last), stations[0])
        form.station = str(chosen.pk)
    if not form.stages:
        form.stages = starting.suggested_stages(form.instruction)
    due = chosen is not None and starting.is_due(person, chosen)
    return {
        "form": form,
        "stations": stations,
        "station": chosen,
        "recent": reads.recent_tasks(chosen, now=now) if chosen else [],
        "training_is_due": due,
        "may_practise": chosen is not None and not due and assignments.can_train(chosen),
        "unfinished": reads.unfinished(person, now),
        "trials": tried.waiting_for(person),
        "memberships": [] if stations else list(person.memberships.select_related("lab")),
    }


def settle(session: Session, now: datetime) -> Session:
    """The session as it stands now: one whose lease has run out ends here, not when the sweep comes by."""
    if not session.is_open or (session.lease_expires_at is not None and session.lease_expires_at > now):
        return session
    with transaction.atomic():
        ended = sessions.lock(session=session, now=now)
    for name in ("state", "valid", "reason", "reason_comment", "closed_at", "lease_expires_at", "revealed_at"):
        setattr(session, name, getattr(ended, name))
    return session


def steps_page(
    session: Session,
    *,
    now: datetime,
    wanted: str | None = None,
    problem: str = "",
    conflict: DraftConflict | None = None,
) -> dict[str, Any]:
    """Expects a session read by `with_everything`."""
    draft = drafts.read(session)
    reported = reads.reported(session)
    photos = list(session.photos.all())
    sides = _sides(session, draft)
    current = steps.chosen_step(wanted, draft.values, reported)
    missing = submissions.missing(session, draft.values, reported=reported)
    return {
        "session": session,
        "draft": draft,
        "values": draft.values,
        "sides": sides,
        "rail": _rail(current, draft, reported),
        "current": current.slug,
        "start_images": reads.start_images(session, photos),
        "missing": [{"text": one.text, "step": steps.step_of(one.field).slug} for one in missing],
        "failure_modes": FailureMode.choices,
        "invalid_reasons": [(reason.value, reason.label) for reason in INVALID_REASONS],
        "notes_max_length": drafts.NOTES_MAX_LENGTH,
        "comment_max_length": sessions.COMMENT_MAX_LENGTH,
        "problem": problem,
        "conflicts": _conflicts(conflict),
        "state": _state(session, draft, missing, now),
    }


def _sides(session: Session, draft: DraftView) -> dict[str, dict[str, Any]]:
    addresses = reads.relay_addresses(session)
    sides: Sequence[Side] = session.ordered_sides  # type: ignore[attr-defined]
    return {
        side.label: {
            "side": side,
            "name": side.label.lower(),
            "address": addresses[side.label],
            "entered": reads.entered(draft.values, side.label),
            "episode": getattr(side, "episode", None),
            "videos": side.videos,
            "stages": _scale(session.rubric),
        }
        for side in sides
    }


def _scale(rubric: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The stages from the top down, with a bottom to tap where the rubric names none."""
    bottom = [] if any(stage["percent"] == 0 for stage in rubric) else [{"percent": 0, "text": "Nothing of it"}]
    return [*reversed(rubric), *bottom]


def _rail(current: steps.Step, draft: DraftView, reported: set[str]) -> list[dict[str, Any]]:
    done = steps.done(draft.values, reported)
    return [
        {"step": step, "number": number, "is_current": step == current, "is_done": step.slug in done}
        for number, step in enumerate(steps.STEPS, start=1)
    ]


def _conflicts(conflict: DraftConflict | None) -> list[str]:
    return conflict.fields if conflict else []


def _state(session: Session, draft: DraftView, missing: Sequence[Missing], now: datetime) -> dict[str, Any]:
    """What the page's scripts begin with."""
    assert session.lease_expires_at is not None  # it is open
    sides: Sequence[Side] = session.ordered_sides  # type: ignore[attr-defined]
    return {
        "session": str(session.pk),
        "api": f"/api/v1/sessions/{session.pk}",
        "page": reverse("evaluate-session", args=[session.pk]),
        "now": now.isoformat(),
        "lease_expires_at": session.lease_expires_at.isoformat(),
        "warning_minutes": WARNING_MINUTES,
        "revision": draft.revision,
        "values": draft.values,
        "missing": [asdict(one) for one in missing],
        "live": {side.label: asdict(live.live_state(side)) for side in sides},
        "told": {side.label: _told(side.episode) for side in sides if hasattr(side, "episode")},
        "files": {side.label: len(side.files) for side in sides},
        "videos": {side.label: len(side.videos) for side in sides},
        "checking": any(one.check_state == MediaFile.Check.PENDING for one in sides[0].videos),
    }


def _told(episode: Episode) -> dict[str, Any]:
    """A side's figures as its client told them, as the summary shows them."""
    percent = None if episode.progress is None else round(100 * episode.progress)
    return {"progress": percent, "success": episode.success, "failure_modes": episode.went_wrong}


def guess_page(session: Session, problem: str = "") -> dict[str, Any]:
    return {
        "session": session,
        "choices": list(guesses.choices(session).values_list("slug", "name")),
        "labels": Label.values,
        "window_minutes": int(sessions.GUESS_WINDOW.total_seconds() // 60),
        "problem": problem,
    }


def outcome_page(session: Session) -> dict[str, Any]:
    """A session that has ended and is revealed. Expects one read by `with_everything`."""
    guess = getattr(session, "guess", None)
    guessed = {"A": guess.policy_a_id, "B": guess.policy_b_id} if guess else {}
    page = selectors.session_page(session)
    for entry in page["sides"]:
        named = guessed.get(entry["side"].label)
        version = entry["side"].version
        # A version that was unlisted was not among the choices, and a hit would tell of which policy it is.
        entry["guessed"] = None if named is None or version.pseudonym else named == version.policy_id
    return page | {"has_draft": bool(drafts.read(session).values)}


def abandon_page(session: Session, problem: str = "", chosen: str = "", comment: str = "") -> dict[str, Any]:
    return {
        "session": session,
        "reasons": [(Reason(reason).value, Reason(reason).label) for reason in ABANDON_REASONS],
        "problem": problem,
        "chosen": chosen,
        "comment": comment,
        "comment_max_length": sessions.COMMENT_MAX_LENGTH,
    }
