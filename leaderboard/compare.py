"""Two policies beside each other: what their sessions certify, and what the board's model says."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from django.db.models import OuterRef, Q, QuerySet, Subquery

from arena.errors import ArenaError, NotFound
from arena.models import UNLISTED, PolicyVersion
from evaluations import evidence
from evaluations.models import Preference, Result, Session
from evaluations.scopes import SCOPES, Scope
from leaderboard import snapshots
from leaderboard.pair_evidence import MOST_SESSIONS, POWER, SETTINGS, Chances, Meeting, sessions_needed
from leaderboard.ranking.anytime import Evidence, confidence_sequence
from leaderboard.ranking.comparisons import FloatArray

SESSIONS_SHOWN = 50
LOOKS = 40
# Of the picture; its labels stand on the left.
WIDTH, HEIGHT, MARGIN, LEFT = 600.0, 200.0, 12.0, 70.0
OF_FIRST = {Preference.A: 1.0, Preference.TIE: 0.5, Preference.B: 0.0}


@dataclass(frozen=True)
class Met:
    """One session of the two. score: 1, ½, 0 of the first."""

    session: Session
    score: float
    difference: float | None

    @property
    def verdict(self) -> str:
        return {1.0: "won", 0.5: "tied", 0.0: "lost"}[self.score]


@dataclass(frozen=True)
class Look:
    """What was known after n sessions, in percent, and where it stands in the picture."""

    n: int
    low: float
    mean: float
    high: float
    x: float
    y_low: float
    y_mean: float
    y_high: float


@dataclass(frozen=True)
class Path:
    """The confidence sequence over the sessions. lowest, even, highest: of the readings, in percent."""

    looks: list[Look]
    lowest: int
    highest: int
    width: float = WIDTH
    height: float = HEIGHT

    @property
    def even(self) -> int:
        return (self.lowest + self.highest) // 2

    @property
    def band(self) -> str:
        upper = [f"{look.x},{look.y_high}" for look in self.looks]
        return " ".join([*upper, *(f"{look.x},{look.y_low}" for look in reversed(self.looks))])

    @property
    def mean(self) -> str:
        return " ".join(f"{look.x},{look.y_mean}" for look in self.looks)


@dataclass(frozen=True)
class Certificate:
    """What is certified of the first. kept: it was, and stands; the sessions that count today alone say less."""

    verdict: evidence.Verdict
    decided_after: int | None
    kept: bool = False


@dataclass(frozen=True)
class Comparison:
    """chances: of a win of the first, a tie, a loss, in percent, as the last board's model has them; or None."""

    first: PolicyVersion
    second: PolicyVersion
    scope: Scope
    met: list[Met]
    preference: Evidence
    progress: Evidence
    decision: evidence.Decision | None
    chances: tuple[float, float, float] | None
    needed: int | None
    paths: dict[str, Path]

    @property
    def wins(self) -> int:
        return sum(one.score == 1 for one in self.met)

    @property
    def ties(self) -> int:
        return sum(one.score == 0.5 for one in self.met)

    @property
    def losses(self) -> int:
        return sum(one.score == 0 for one in self.met)

    @property
    def certificate(self) -> Certificate:
        """By preference. A verdict once reached stands."""
        return _standing(self.preference, _by_preference(self.decision))

    @property
    def progress_certificate(self) -> Certificate:
        return _standing(self.progress, _by_progress(self.decision))

    @property
    def leader(self) -> PolicyVersion | None:
        """Who is certified better."""
        return {"better": self.first, "worse": self.second}.get(self.certificate.verdict)

    @property
    def further(self) -> PolicyVersion | None:
        """Who is certified to come further."""
        return {"better": self.first, "worse": self.second}.get(self.progress_certificate.verdict)

    @property
    def ahead(self) -> PolicyVersion | None:
        """Who was preferred more often, certified or not; None where neither was."""
        if self.wins == self.losses:
            return None
        return self.first if self.wins > self.losses else self.second

    @property
    def most_and_least(self) -> tuple[int, int]:
        return max(self.wins, self.losses), min(self.wins, self.losses)

    @property
    def shares(self) -> tuple[float, float]:
        """In percent of all sessions: won by the first, and won or tied; where the bar is cut."""
        n = max(len(self.met), 1)
        return round(100 * self.wins / n, 2), round(100 * (self.wins + self.ties) / n, 2)

    @property
    def more(self) -> int | None:
        return None if self.needed is None else max(self.needed - len(self.met), 1)

    @property
    def alpha_in_100(self) -> str:
        return f"{100 * SETTINGS.alpha:g}"


def _by_preference(stored: evidence.Decision | None) -> Certificate | None:
    return None if stored is None else Certificate(stored.verdict, stored.decided_after)


def _by_progress(stored: evidence.Decision | None) -> Certificate | None:
    return None if stored is None else Certificate(stored.progress_verdict, stored.progress_decided_after)


def _standing(live: Evidence, stored: Certificate | None) -> Certificate:
    if stored is None or stored.verdict == "undecided":
        return Certificate(live.verdict, live.decided_after)
    return replace(stored, kept=stored.verdict != live.verdict)


def version_named(name: str) -> PolicyVersion:
    """By slug@version or a pseudonym, or by slug, which means its newest listed version that was ever in the pool.

    Raises NotFound.
    """
    public = PolicyVersion.objects.exclude(pool=PolicyVersion.Pool.TRIAL).select_related("policy__lab", "embodiment")
    newest = public.filter(policy__slug=name).exclude(UNLISTED).order_by("-created_at", "-pk")
    one = (public.shown_as(name) if "@" in name else newest).first()
    if one is None:
        raise NotFound("version_unknown", "There is no such policy, or no such version of it.")
    return one


def compare(first: PolicyVersion, second: PolicyVersion) -> Comparison:
    """Raises ArenaError where the two can never meet."""
    scope = _scope_of_both(first, second)
    met = _met(scope, first, second)
    score = np.array([one.score for one in met], dtype=np.float64)
    difference = np.array([np.nan if one.difference is None else one.difference for one in met], dtype=np.float64)
    meeting = Meeting(first.pk, second.pk, score, difference, np.arange(len(met)))
    snapshot = snapshots.latest(scope.slug)
    chances = Chances(snapshot.result).of(first.input_label, second.input_label) if snapshot else None
    known = difference[~np.isnan(difference)]
    return Comparison(
        first=first,
        second=second,
        scope=scope,
        met=met,
        preference=meeting.preference,
        progress=meeting.progress,
        decision=evidence.decision(first.pk, second.pk),
        chances=chances and (100 * chances[0], 100 * chances[1], 100 * max(1 - sum(chances), 0)),
        needed=sessions_needed(*chances) if chances else None,
        paths={"preference": path(score, lowest=0), "progress": path((known + 1) / 2, lowest=-100)},
    )


def path(x: FloatArray, *, lowest: int) -> Path:
    """x: readings in their order; 0 stands for `lowest`, 1 for 100 %. At most LOOKS are shown, the last always."""
    at = np.unique(np.linspace(1, x.size, min(x.size, LOOKS)).round().astype(np.int64)) if x.size else np.zeros(0)
    looks = []
    for n in map(int, at):
        low, high = confidence_sequence(x[:n], threshold=SETTINGS.threshold)
        known = np.array([low, x[:n].mean(), high])
        across = round(LEFT + n / x.size * (WIDTH - LEFT - MARGIN), 1)
        y_low, y_mean, y_high = (HEIGHT - MARGIN - known * (HEIGHT - 2 * MARGIN)).round(1).tolist()
        low, mean, high = (lowest + (100 - lowest) * known).tolist()
        looks.append(Look(n, low, mean, high, across, y_low, y_mean, y_high))
    return Path(looks, lowest, 100)


def as_json(found: Comparison) -> dict[str, Any]:
    """What the page tells, for programs."""
    return {
        "first": found.first.shown_label,
        "second": found.second.shown_label,
        "board": found.scope.slug,
        "sessions": len(found.met),
        "wins": found.wins,
        "ties": found.ties,
        "losses": found.losses,
        "preference": asdict(found.preference),
        "progress": asdict(found.progress),
        "certificate": asdict(found.certificate),
        "progress_certificate": asdict(found.progress_certificate),
        "alpha": SETTINGS.alpha,
        "in_family": bool(found.decision and found.decision.in_family),
        "watched": found.decision.watched if found.decision else None,
        "chances": found.chances and dict(zip(("win", "tie", "loss"), (c / 100 for c in found.chances), strict=True)),
        "sessions_needed": found.needed,
        "most_sessions": MOST_SESSIONS,
        "power": POWER,
        "session_ids": [str(one.session.pk) for one in found.met],
    }


def _scope_of_both(first: PolicyVersion, second: PolicyVersion) -> Scope:
    if first.pk == second.pk:
        raise ArenaError("compared_with_itself", "A version cannot be compared with itself.")
    scopes = [
        next(scope for scope in SCOPES if (scope.simulated, scope.source) == (one.policy.simulated, one.policy.source))
        for one in (first, second)
    ]
    if scopes[0] != scopes[1]:
        raise ArenaError(
            "scopes_differ",
            "Real, imported and simulated evaluations are never mixed: these two are not of one kind.",
        )
    if first.embodiment_id != second.embodiment_id:
        raise ArenaError("robots_differ", f"They drive different robots: {first.embodiment} and {second.embodiment}.")
    return scopes[0]


def _met(scope: Scope, first: PolicyVersion, second: PolicyVersion) -> list[Met]:
    """Counted sessions alone, in the order in which they ended."""
    latest = Result.objects.filter(session=OuterRef("pk")).latest_first()
    sessions: QuerySet[Session] = (
        scope.sessions()
        .valid()
        .not_excluded()
        .filter(Q(sides__version=first))
        .filter(Q(sides__version=second))
        .annotate(preference=Subquery(latest.values("preference")[:1]))
        .select_related("lab")
        .prefetch_related("sides__episode")
        .order_by("closed_at", "pk")
    )
    return [_of_session(session, first) for session in sessions if session.preference in OF_FIRST]  # type: ignore[attr-defined]


def _of_session(session: Session, first: PolicyVersion) -> Met:
    sides = {side.label: side for side in session.sides.all()}
    own = sides["A"].version_id == first.pk
    score = OF_FIRST[session.preference]  # type: ignore[attr-defined]
    progress = [_progress(sides[label]) for label in ("A", "B")]
    difference = None if None in progress else float(progress[0]) - float(progress[1])  # type: ignore[arg-type]
    if own or difference is None:
        return Met(session, score if own else 1 - score, difference)
    return Met(session, 1 - score, -difference)


def _progress(side: Any) -> float | None:
    episode = getattr(side, "episode", None)
    return None if episode is None else episode.progress
