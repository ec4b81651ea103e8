"""What an owner sees of a policy: its versions, their servers, and the results to take home."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Prefetch, Q, QuerySet

from arena import uptime
from arena.models import Endpoint, Lab, Policy, PolicyVersion
from arena.uptime import Stretch
from evaluations.desk import checks
from evaluations.desk.examination import Finding
from evaluations.models import MediaFile, ProtocolCheck, Result, Session, Side, State
from evaluations.selectors import relay_figures
from evaluations.trying import selectors as tried
from evaluations.trying.selectors import TrialShown

SERVING_REASONS = ("policy_unreachable",)


@dataclass(frozen=True)
class VersionCard:
    version: PolicyVersion
    endpoint: Endpoint | None
    up: float | None
    """Percent of the time of the last weeks in which the server was known to be up or down."""
    stretches: list[Stretch]
    check: ProtocolCheck | None
    findings: list[Finding]
    assigned: int
    valid: int
    spoilt_by_serving: int
    """Sessions that did not count because a policy server did not answer."""
    trials: list[TrialShown]
    hosts: Sequence[Lab]
    """Whom its owner may ask for a trial."""

    @property
    def may_ask(self) -> bool:
        waits = self.version.pool == PolicyVersion.Pool.TRIAL and settings.TRIAL_SESSIONS > 0
        return waits and not any(shown.trial.is_living for shown in self.trials)

    @property
    def known_since(self) -> datetime | None:
        """The first moment of the time shown at which the server was known to be up or down."""
        known = [part.begin for part in self.stretches if part.health != Endpoint.Health.UNKNOWN]
        return min(known, default=None)


def version_cards(policy: Policy, *, now: datetime, only: PolicyVersion | None = None) -> list[VersionCard]:
    """The latest version first."""
    revealed = Q(sides__session__revealed_at__isnull=False, sides__session__training=False)
    spoilt = revealed & Q(sides__session__reason__in=SERVING_REASONS)
    versions = (
        policy.versions.select_related("policy__lab", "embodiment", "endpoint")
        .prefetch_related(
            "endpoint__changes",
            Prefetch("protocol_checks", queryset=ProtocolCheck.objects.order_by("-asked_at"), to_attr="latest_checks"),
        )
        .annotate(
            assigned=Count("sides__session", filter=revealed, distinct=True),
            valid=Count(
                "sides__session",
                filter=revealed & Q(sides__session__state=State.SUBMITTED, sides__session__valid=True),
                distinct=True,
            ),
            spoilt=Count("sides__session", filter=spoilt, distinct=True),
        )
        .order_by("-created_at", "-pk")
    )
    found: list[Any] = list(versions.filter(pk=only.pk) if only else versions)
    trials = tried.shown_of(found)
    hosts = tried.hosts_by_version([one for one in found if one.pool == PolicyVersion.Pool.TRIAL])
    return [_card(one, now, trials.get(one.pk, []), hosts.get(one.pk, ())) for one in found]


def _card(version: Any, now: datetime, trials: list[TrialShown], hosts: Sequence[Lab]) -> VersionCard:
    endpoint = getattr(version, "endpoint", None)
    parts = uptime.of(endpoint, now=now) if endpoint else []
    share = uptime.share_up(parts)
    check = version.latest_checks[0] if version.latest_checks else None
    return VersionCard(
        version=version,
        endpoint=endpoint,
        up=None if share is None else 100 * share,
        stretches=parts[::-1],
        check=check,
        findings=checks.findings(check) if check else [],
        assigned=version.assigned,
        valid=version.valid,
        spoilt_by_serving=version.spoilt,
        trials=trials,
        hosts=hosts,
    )


def policies_of(labs: QuerySet[Lab]) -> QuerySet[Policy]:
    found = Policy.objects.filter(lab__in=labs).select_related("lab")
    return found.prefetch_related("versions__policy").order_by("slug")


LATEST_SESSIONS = 10


def latest_sessions(policy: Policy) -> QuerySet[Session]:
    """The last sessions of the policy that are published, so that its owner can say if one was spoilt."""
    own = Session.objects.public().filter(pk__in=Side.objects.filter(version__policy=policy).values("session"))
    return own.with_exclusion().select_related("lab").order_by("-closed_at", "id")[:LATEST_SESSIONS]


RESULT_COLUMNS = (
    "session", "completed", "version", "side", "opponent", "state", "valid", "excluded", "reason", "preference",
    "outcome", "progress", "success", "opponent_progress", "opponent_success", "failure_modes", "recovered",
    "instruction", "task_category", "lab", "embodiment", "simulated", "requested", "draw_kind", "pair_probability",
    "steps", "latency_p50_ms", "latency_p95_ms", "notes", "videos", "trajectory",
)  # fmt: skip


def results(policy: Policy) -> Iterator[dict[str, Any]]:
    """Every revealed session of the policy, oldest first, a row for each of its sides in it."""
    for side in sides_to_tell(policy).iterator(chunk_size=500):
        yield result_row(side, policy)


def sides_to_tell(policy: Policy) -> QuerySet[Side]:
    """What `result_row` tells, the oldest first."""
    return (
        Side.objects.filter(version__policy=policy, session__revealed_at__isnull=False, session__training=False)
        .select_related(
            "version__policy", "session__lab", "session__embodiment", "session__exclusion__appeal", "episode"
        )
        .prefetch_related(
            "media",
            "relay_connections",
            Prefetch(
                "session__sides", queryset=Side.objects.select_related("version__policy", "episode"), to_attr="both"
            ),
            Prefetch("session__results", queryset=Result.objects.latest_first(), to_attr="latest_results"),
        )
        .order_by("session__closed_at", "session_id", "label")
    )


def result_row(side: Any, policy: Policy) -> dict[str, Any]:
    session: Session = side.session
    other = next(one for one in side.session.both if one.pk != side.pk)
    episode, others = getattr(side, "episode", None), getattr(other, "episode", None)
    result = side.session.latest_results[0] if side.session.latest_results else None
    preference = result.preference if result else ""
    relay = relay_figures(side)
    exclusion = session.standing_exclusion
    return {
        "session": str(session.pk),
        "completed": session.closed_at.isoformat() if session.closed_at else "",
        "version": side.version.label,
        "side": side.label,
        "opponent": other.version.label_for(policy.lab_id),
        "state": session.state,
        "valid": session.valid,
        "excluded": exclusion.reason if exclusion else "",
        "reason": session.reason,
        "preference": preference,
        "outcome": _outcome(side.label, preference) if session.valid else "",
        "progress": episode.progress if episode else None,
        "success": episode.success if episode else None,
        "opponent_progress": others.progress if others else None,
        "opponent_success": others.success if others else None,
        "failure_modes": list(episode.failure_modes) if episode else [],
        "recovered": episode.recovered if episode else None,
        "instruction": session.instruction,
        "task_category": session.category.value,
        "lab": session.lab.slug,
        "embodiment": session.embodiment.name,
        "simulated": session.simulated,
        "requested": session.requested,
        "draw_kind": session.draw_kind,
        "pair_probability": session.pair_probability,
        "steps": episode.duration_steps if episode else None,
        "latency_p50_ms": relay.p50_ms if relay else None,
        "latency_p95_ms": relay.p95_ms if relay else None,
        "notes": result.notes if result else "",
        "videos": [f"/sessions/{session.pk}/{side.label}/{video.kind}.mp4" for video in side.videos],
        "trajectory": _trajectory(side, policy),
    }


def _outcome(label: str, preference: str) -> str:
    if preference == "TIE":
        return "tie"
    return "win" if preference == label else "loss"


def _trajectory(side: Side, policy: Policy) -> str:
    kept = [media for media in side.files if media.kind == MediaFile.Kind.TRAJECTORY]
    return f"/policies/{policy.slug}/trajectories/{kept[0].pk}.npz" if kept else ""
