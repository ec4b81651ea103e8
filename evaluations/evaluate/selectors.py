"""Reads for the evaluator's pages. Nothing here may depend on which policies a session was dealt."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Prefetch, Q, QuerySet

from arena.models import Person, Source, Station
from arena.relay_address import parse_relay_address
from evaluations import drafts
from evaluations.blinding import relay_token
from evaluations.evaluate import steps
from evaluations.models import Draft, MediaFile, Photo, Session, Side
from evaluations.pairs import repeated_after

RECENT_TASKS = 6
DUE_TASKS = 2
"""So many of those places are kept for tasks that are due again, where there are any."""
_LOOKED_THROUGH = 120
"""How many of a lab's latest sessions are looked through for its recent tasks."""


def stations_of(person: Person) -> list[Station]:
    mine = Station.objects.filter(lab__memberships__person=person, retired_at=None)
    return list(mine.select_related("lab", "embodiment").order_by("lab__name", "name"))


def last_station(person: Person) -> int | None:
    """The station of the person's latest session."""
    latest = Session.objects.filter(evaluator=person, source=Source.REGISTERED).order_by("-opened_at")
    return latest.values_list("station", flat=True).first()


@dataclass(frozen=True)
class RecentTask:
    session_id: uuid.UUID
    instruction: str
    rubric: list[dict[str, Any]]
    last_used_at: datetime
    is_due: bool = False
    """It was evaluated at the station, but not lately: put again it may show how far two answers differ."""


def recent_tasks(station: Station, *, now: datetime) -> list[RecentTask]:
    """What was last asked of this kind of robot in the station's lab, each task once, newest first.

    Whether a task is due depends on times alone, and so tells nothing of how the pair of an open session was drawn.
    """
    latest = _with_tasks(station.lab_id, station.embodiment_id).order_by("-opened_at")
    rested = now - repeated_after(simulated=station.simulated)
    tasks: dict[str, RecentTask] = {}
    for session in latest.only("instruction", "rubric", "opened_at")[:_LOOKED_THROUGH]:
        tasks.setdefault(
            session.instruction, RecentTask(session.pk, session.instruction, session.rubric, session.opened_at)
        )
    evaluated = set(
        Session.objects.valid()
        .filter(station=station, instruction__in=tasks, closed_at__lt=rested)
        .values_list("instruction", flat=True)
    )
    found = [
        replace(task, is_due=task.instruction in evaluated and task.last_used_at < rested) for task in tasks.values()
    ]
    return _with_room_for_due(found)


def _with_room_for_due(tasks: list[RecentTask]) -> list[RecentTask]:
    due = [task for task in tasks if task.is_due][:DUE_TASKS]
    others = [task for task in tasks if task not in due][: RECENT_TASKS - len(due)]
    return sorted(due + others, key=lambda task: task.last_used_at, reverse=True)


def _with_tasks(lab: int, embodiment: int) -> QuerySet[Session]:
    return Session.objects.filter(lab=lab, embodiment=embodiment, source=Source.REGISTERED)


def task_like(person: Person, session_id: str | None) -> RecentTask | None:
    """The task of a session of one of the person's labs."""
    try:
        wanted = uuid.UUID(session_id or "")
    except ValueError:
        return None
    session = Session.objects.filter(pk=wanted, lab__memberships__person=person).first()
    if session is None:
        return None
    return RecentTask(session.pk, session.instruction, session.rubric, session.opened_at)


@dataclass(frozen=True)
class Unfinished:
    session: Session
    next: str
    """What its evaluator does next, in a few words."""


_NEXT = {
    steps.RUN_A: "Run A",
    steps.SCORE_A: "Score A",
    steps.RESTORE: "Put the scene back",
    steps.RUN_B: "Run B",
    steps.SCORE_B: "Score B",
    steps.JUDGE: "Say which was better",
    steps.CHECK: "Check and submit",
}


def unfinished(person: Person, now: datetime) -> list[Unfinished]:
    """Sessions that wait for their evaluator: open ones, and those of which only the last question is left."""
    sides = Prefetch("sides", queryset=Side.objects.select_related("episode"), to_attr="ordered_sides")
    waiting = Session.objects.filter(Q(lease_expires_at__gt=now) | Q(lease_expires_at=None), revealed_at=None)
    mine = waiting.filter(evaluator=person).select_related("station", "lab", "draft").prefetch_related(sides)
    return [Unfinished(session, _what_is_next(session)) for session in mine.order_by("-opened_at")]


def _what_is_next(session: Session) -> str:
    if not session.is_open:
        return "One question before the reveal"
    draft: Draft | None = getattr(session, "draft", None)
    values = drafts.view(draft).values if draft else {}
    return _NEXT[steps.next_step(values, reported(session))]


def reported(session: Session) -> set[str]:
    """The sides whose episode has been told. Expects `ordered_sides`."""
    sides: Sequence[Side] = session.ordered_sides  # type: ignore[attr-defined]
    return {side.label for side in sides if hasattr(side, "episode")}


@dataclass(frozen=True)
class Address:
    """Where one side's policy is reached: whole, and in the two parts that clients of RoboArena's protocol join."""

    whole: str
    host: str
    port: str


def relay_addresses(session: Session) -> dict[str, Address]:
    relay = parse_relay_address(settings.RELAY_PUBLIC_URL)
    base = settings.RELAY_PUBLIC_URL.rstrip("/")
    secure = base.startswith("wss:")
    found = {}
    for label in ("A", "B"):
        path = f"{relay.path}/relay/{relay_token(session_id=session.pk, label=label)}"
        host = f"wss://{relay.host}" if secure else relay.host
        found[label] = Address(f"{base}/relay/{path.rpartition('/')[2]}", host, f"{relay.port}{path}")
    return found


@dataclass(frozen=True)
class SceneImage:
    """How the scene looked before the first rollout."""

    title: str
    kind: str = ""
    photo: Photo | None = None


def start_images(session: Session, photos: Sequence[Photo]) -> list[SceneImage]:
    """The first frames of A's cameras beside the robot, then the photo of the start, then the wrist's first frame."""
    sides: Sequence[Side] = session.ordered_sides  # type: ignore[attr-defined]
    posters = [media for media in sides[0].videos if media.poster]
    beside = [SceneImage(f"{media.title}, first frame of A", media.kind) for media in posters if not _at_wrist(media)]
    at_wrist = [SceneImage(f"{media.title}, first frame of A", media.kind) for media in posters if _at_wrist(media)]
    taken = [photo for photo in photos if photo.moment == Photo.Moment.START][-1:]
    return beside + [SceneImage("photo from before A", photo=photo) for photo in taken] + at_wrist


def _at_wrist(media: MediaFile) -> bool:
    return media.kind == MediaFile.Kind.WRIST


def entered(values: Mapping[str, Any], label: str) -> dict[str, Any]:
    """What the draft says of one side, without the side's prefix."""
    prefix = f"{label.lower()}_"
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
