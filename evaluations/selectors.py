"""Reads for pages and APIs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet

from evaluations.models import Result, Session, Side

_SIDES = Prefetch(
    "sides",
    queryset=Side.objects.select_related("version__policy", "episode").prefetch_related("media"),
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
    return {
        "session": session,
        "sides": [
            {
                "side": side,
                "episode": getattr(side, "episode", None),
                "videos": side.videos,
                "relay": relay_figures(side),
            }
            for side in sides
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
