"""Reads for pages and APIs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet

from evaluations.episode_facts import CameraFacts, EpisodeFacts, episode_facts, motion_words, picture_words
from evaluations.models import MediaFile, Result, Session, Side
from evaluations.motion_chart import MotionChart, motion_chart

_SIDES = Prefetch(
    "sides",
    queryset=Side.objects.select_related("version__policy__lab", "episode").prefetch_related("media"),
    to_attr="ordered_sides",
)
_RESULTS = Prefetch("results", queryset=Result.objects.latest_first(), to_attr="latest_results")


def with_sides(sessions: QuerySet[Session]) -> QuerySet[Session]:
    """Sessions with their sides, episodes, media and results, in a fixed number of queries."""
    return sessions.select_related("lab", "evaluator").prefetch_related(_SIDES, _RESULTS)


def with_everything(sessions: QuerySet[Session]) -> QuerySet[Session]:
    """Sessions with all that a card or page of them shows."""
    return with_sides(sessions).select_related("embodiment", "station", "exclusion__appeal")


def session_page(session: Session) -> dict[str, Any]:
    """All that the page of a session that has ended shows. Expects a session read by `with_everything`."""
    sides: list[Side] = session.ordered_sides  # type: ignore[attr-defined]
    results: list[Result] = session.latest_results  # type: ignore[attr-defined]
    measured = measured_sides(sides)
    return {
        "session": session,
        "has_measures": any(measured),
        "sides": [
            {
                "side": side,
                "episode": getattr(side, "episode", None),
                "videos": side.videos,
                "relay": relay_figures(side),
                "measured": found,
            }
            for side, found in zip(sides, measured, strict=True)
        ],
        "result": results[0] if results else None,
        "preferred": _preferred(sides, results),
        "exclusion": session.standing_exclusion,
        "lifted": session.lifted_exclusion,
        "reason": session.reason_text,
    }


def _preferred(sides: Sequence[Side], results: Sequence[Result]) -> Side | None:
    return next((side for side in sides if results and side.label == results[0].preference), None)


@dataclass(frozen=True)
class RelayFigures:
    """What the relay measured of a side, over all its connections."""

    infers: int
    p50_ms: float
    p95_ms: float
    errors: int


def relay_figures(side: Side) -> RelayFigures | None:
    connections = list(side.relay_connections.all())
    latencies = sorted(ms for connection in connections for ms in connection.latencies_ms)
    if not latencies:
        return None
    return RelayFigures(
        infers=sum(connection.infers for connection in connections),
        p50_ms=latencies[len(latencies) // 2],
        p95_ms=latencies[min(len(latencies) - 1, int(len(latencies) * 0.95))],
        errors=sum(sum(connection.errors.values()) for connection in connections),
    )


def side_facts(side: Side) -> EpisodeFacts | None:
    """What was measured of the side's videos; none where nothing was yet."""
    return episode_facts([facts for media in side.videos if (facts := _camera_facts(media))])


def _camera_facts(media: MediaFile) -> CameraFacts | None:
    measures = media.measured
    if measures is None or media.duration_s is None or media.frames is None:
        return None
    return CameraFacts(
        kind=media.kind,
        title=media.title,
        duration_s=media.duration_s,
        frames=media.frames,
        black=bool(media.black),
        frozen=bool(media.frozen),
        measures=measures,
    )


@dataclass(frozen=True)
class MeasuredCamera:
    facts: CameraFacts
    words: str
    chart: MotionChart
    has_sheet: bool


@dataclass(frozen=True)
class MeasuredSide:
    """What the page says of a side's videos. The charts of cameras of one kind have the same scale on both sides."""

    facts: EpisodeFacts
    motion: str
    cameras: list[MeasuredCamera]


def measured_sides(sides: Sequence[Side]) -> list[MeasuredSide | None]:
    found = [side_facts(side) for side in sides]
    most: dict[str, float] = {}
    for camera in (camera for facts in found if facts for camera in facts.cameras):
        most[camera.kind] = max(most.get(camera.kind, 0.0), *camera.measures.motion)
    pairs = zip(sides, found, strict=True)
    return [_measured_side(side, facts, most) if facts else None for side, facts in pairs]


def _measured_side(side: Side, facts: EpisodeFacts, most: dict[str, float]) -> MeasuredSide:
    sheets = {media.kind for media in side.videos if media.sheet}
    cameras = [
        MeasuredCamera(
            facts=camera,
            words=picture_words(camera),
            chart=motion_chart(camera.measures.motion, most=most[camera.kind]),
            has_sheet=camera.kind in sheets,
        )
        for camera in facts.cameras
    ]
    return MeasuredSide(facts, motion_words(facts), cameras)
