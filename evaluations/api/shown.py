"""What is told of a session. Until it is revealed nothing here may depend on which policies were dealt."""

import uuid
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Prefetch, QuerySet
from django.urls import reverse

from arena.models import Source
from evaluations import drafts, submissions
from evaluations.blinding import relay_token
from evaluations.drafts import DraftView
from evaluations.live import live_state
from evaluations.models import Draft, Episode, MediaFile, Photo, Result, Session, Side, Upload
from evaluations.selectors import side_facts

_WAITING_UPLOADS = Prefetch(
    "uploads", queryset=Upload.objects.filter(finished_at=None, cancelled_at=None), to_attr="waiting_uploads"
)
_SIDES = Prefetch(
    "sides",
    queryset=Side.objects.select_related("version__policy__lab", "episode").prefetch_related(
        "media", "relay_connections", _WAITING_UPLOADS
    ),
    to_attr="ordered_sides",
)
_RESULTS = Prefetch("results", queryset=Result.objects.latest_first(), to_attr="latest_results")


def with_everything(sessions: QuerySet[Session]) -> QuerySet[Session]:
    """Sessions with all that is told of them to their evaluators, in a fixed number of queries."""
    found = sessions.select_related("lab", "station", "embodiment", "draft")
    return found.prefetch_related(_SIDES, _RESULTS, "photos")


def session(session: Session, *, now: datetime) -> dict[str, Any]:
    """Expects one read by `with_everything`."""
    draft = _draft(session)
    return _facts(session) | {
        "training": session.training,
        "station": _station(session),
        "active_at": session.active_at,
        "lease_expires_at": session.lease_expires_at,
        "revealed_at": session.revealed_at,
        "draw_kind": None if session.is_blind else session.draw_kind,
        "now": now,
        "sides": {one.label: _side(session, one) for one in _sides(session)},
        "photos": [photo(session, one) for one in session.photos.all()],
        "draft": {"revision": draft.revision, "values": draft.values},
        "missing": missing(session, draft.values),
    }


def missing(session: Session, values: dict[str, Any]) -> list[dict[str, str]]:
    """What a valid result still needs; nothing where there will be none. Expects `ordered_sides`."""
    if not session.is_open:
        return []
    reported = {side.label for side in _sides(session) if hasattr(side, "episode")}
    return [{"field": one.field, "text": one.text} for one in submissions.missing(session, values, reported=reported)]


def live(session: Session, *, revision: int, now: datetime) -> dict[str, Any]:
    return {
        "state": session.state,
        "now": now,
        "lease_expires_at": session.lease_expires_at,
        "revision": revision,
        "sides": {
            side.label: _live(side) | {"episode": hasattr(side, "episode"), "media": len(side.files)}
            for side in _sides(session)
        },
    }


def public_session(session: Session) -> dict[str, Any]:
    """Expects one that is public, read by `selectors.with_everything`."""
    exclusion, lifted = session.standing_exclusion, session.lifted_exclusion
    return _facts(session) | {
        "embodiment": session.embodiment.name,
        "evaluator": session.evaluator_pseudonym,
        "source": session.source,
        "draw_kind": None if session.source == Source.IMPORTED else session.draw_kind,
        "pair_probability": session.pair_probability,
        "pool_size": session.pool_size,
        "sides": {
            side.label: {
                "policy": _policy(side),
                "episode": _episode_of(side),
                "media": _media(side),
                "facts": _measured(side),
            }
            for side in _sides(session)
        },
        "exclusion": exclusion
        and {"reason": exclusion.reason, "comment": exclusion.comment, "created_at": exclusion.created_at},
        "lifted_exclusion": lifted
        and {
            "reason": lifted.reason,
            "comment": lifted.comment,
            "created_at": lifted.created_at,
            "lifted_because": lifted.appeal.comment,
            "lifted_at": lifted.appeal.decided_at,
        },
    }


def episode(episode: Episode) -> dict[str, Any]:
    return {
        "progress": episode.progress,
        "success": episode.success,
        "failure_modes": episode.failure_modes,
        "recovered": episode.recovered,
        "duration_steps": episode.duration_steps,
        "received_at": episode.received_at,
    }


def photo(session: Session, photo: Photo) -> dict[str, Any]:
    return {
        "id": photo.pk,
        "moment": photo.moment,
        "url": reverse("session-photo", args=[session.pk, photo.pk]),
        "width": photo.width,
        "height": photo.height,
        "created_at": photo.created_at,
    }


def stages(rubric: Iterable[Any]) -> list[dict[str, Any]]:
    return [{"percent": stage["percent"], "text": stage["text"]} for stage in rubric]


def _facts(session: Session) -> dict[str, Any]:
    results: list[Result] = session.latest_results  # type: ignore[attr-defined]
    return {
        "id": session.pk,
        "state": session.state,
        "valid": session.valid,
        "reason": session.reason,
        "reason_text": session.reason_text,
        "simulated": session.simulated,
        "lab": {"slug": session.lab.slug, "name": session.lab.name},
        "instruction": session.instruction,
        "rubric": stages(session.rubric),
        "category": session.category.value,
        "opened_at": session.opened_at,
        "closed_at": session.closed_at,
        "result": _result(results[0]) if results else None,
    }


def _result(result: Result) -> dict[str, Any]:
    return {"preference": result.preference or None, "notes": result.notes, "submitted_at": result.submitted_at}


def _station(session: Session) -> dict[str, Any] | None:
    if session.station is None:
        return None
    station = session.station
    return {
        "id": station.pk,
        "name": station.name,
        "cameras": station.cameras,
        "embodiment": session.embodiment.name,
    }


def _side(session: Session, side: Side) -> dict[str, Any]:
    return {
        "relay_url": relay_url(session.pk, side.label) if session.is_open else None,
        "episode": _episode_of(side),
        "media": _media(side),
        "uploads": [_upload(one) for one in side.waiting_uploads],  # type: ignore[attr-defined]
        "live": _live(side),
        "policy": None if session.is_blind else _policy(side),
    }


def relay_url(session_id: uuid.UUID, label: str) -> str:
    return f"{settings.RELAY_PUBLIC_URL.rstrip('/')}/relay/{relay_token(session_id=session_id, label=label)}"


def _policy(side: Side) -> dict[str, Any]:
    version = side.version
    return {"slug": version.shown_slug, "name": version.shown_name, "version": version.shown_version}


def _episode_of(side: Side) -> dict[str, Any] | None:
    found = getattr(side, "episode", None)
    return episode(found) if found is not None else None


def _media(side: Side) -> list[dict[str, Any]]:
    return [_file(side, media) for media in side.files]


def _file(side: Side, media: MediaFile) -> dict[str, Any]:
    address = [side.session_id, side.label, media.kind]
    return {
        "id": media.pk,
        "kind": media.kind,
        "title": media.title,
        "state": media.check_state,
        "problem": media.problem,
        "size": media.size,
        "sha256": media.sha256,
        "duration_s": media.duration_s,
        "width": media.width,
        "height": media.height,
        "black": media.black,
        "frozen": media.frozen,
        "received_at": media.received_at,
        "video_url": reverse("session-video", args=address) if media.is_video else None,
        "poster_url": reverse("session-poster", args=address) if media.poster else None,
    }


def _measured(side: Side) -> dict[str, Any] | None:
    facts = side_facts(side)
    if facts is None:
        return None
    sheets = {media.kind for media in side.videos if media.sheet}
    found = asdict(facts)
    for camera in found["cameras"]:
        address = [side.session_id, side.label, camera["kind"]]
        camera["sheet_url"] = reverse("session-sheet", args=address) if camera["kind"] in sheets else None
    return found


def _upload(upload: Upload) -> dict[str, Any]:
    names = ("id", "kind", "filename", "size", "offset", "created_at")
    return {name: getattr(upload, name) for name in names}


def _live(side: Side) -> dict[str, Any]:
    state = live_state(side)
    return {"connection": state.connection, "steps": state.steps, "trouble": state.trouble}


def _draft(session: Session) -> DraftView:
    found: Draft | None = getattr(session, "draft", None)
    return drafts.view(found) if found is not None else DraftView(0, {})


def _sides(session: Session) -> list[Side]:
    return session.ordered_sides  # type: ignore[attr-defined, no-any-return]
