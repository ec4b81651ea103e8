"""The checks behind `oddities`: pure, on rows and on what a fitted model leaves unexplained.

Each answers within bounds, to review, or could not check. Many are made at each look, so that some would fail by
chance: a figure is to review where its probability under honest work, times the number of checks of that look, is below
FALSE_ALARM. A look at honest labs raises any alarm at most so often.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from evaluations.models import Preference
from leaderboard.ranking.comparisons import FloatArray, IntArray
from leaderboard.ranking.review import PairResidual, SourceReview

# The chance that one look at honest labs and evaluators raises any alarm.
FALSE_ALARM = 0.05
# So few sessions tell nothing.
MIN_SESSIONS = 20
MIN_GIVEN_UP = 5
MIN_SAME_POLICY = 10
MIN_ROLLOUTS = 10
# Two rollouts and a scene put back in between take longer than this with a real robot.
QUICK_S = 90
# A share of sessions this quick is nothing that happens now and then.
QUICK_SHARE = 0.1
# Progress that differs by this much is expected to go with the preference.
CLEAR_DIFFERENCE = 0.2
# A rollout is short that has less than this part of the steps that others' rollouts of its policy have, by the median.
SHORT = 0.5
# Honest labs have habits. Only what exceeds these is asked for its probability: a habit of ties or sides of so many
# standard deviations of one session, residuals so many times as large as expected, contradictions in so many more of
# the sessions than everybody's, and odds of what a session or rollout may show so many times everybody else's.
HABIT = 0.3
ROUGHNESS = 1.5
CARELESSNESS = 0.1
ODDS = 3
# Where sides are equal but for a habit, one of them is preferred in so many sessions.
SIDE_SHARE = (1 + HABIT) / 2


class Check(StrEnum):
    RESIDUALS = "residuals"
    TIES = "ties"
    SIDE = "side"
    QUICK = "quick"
    GIVEN_UP = "abandoned"
    CONTRADICTION = "contradiction"
    SAME_POLICY = "same-policy"
    SAME_POLICY_SIDE = "same-policy side"
    SHORT = "short rollouts"
    PAIR = "pair"


WORDS = {
    Check.RESIDUALS: "sees the policies otherwise than everybody else",
    Check.TIES: "calls ties far more or less often than its habit and the tasks explain",
    Check.SIDE: "prefers one side, whichever policy is there",
    Check.QUICK: "ends sessions faster than two rollouts can be run",
    Check.GIVEN_UP: "gives sessions up, or lets them run out, depending on which policies were dealt",
    Check.CONTRADICTION: "prefers the policy that came less far, by its own figures",
    Check.SAME_POLICY: "tells one policy from itself far more often than everybody else does",
    Check.SAME_POLICY_SIDE: "prefers one side although both were the same policy",
    Check.SHORT: "ends the rollouts of a policy far earlier than everybody else does",
    Check.PAIR: "comes out otherwise than the board's model says",
}


@dataclass(frozen=True)
class Finding:
    """One check of a lab, an evaluator or a pair of policies.

    p: probability of such a figure under honest work; None: could not check. bound: up to which figure nobody asks for
    it. about: the policy version that it concerns most, where it concerns one. sessions: the ids of those concerned.
    """

    kind: str
    name: str
    check: Check
    n: int
    figure: float | None
    p: float | None
    why_not: str = ""
    about: str = ""
    bound: float | None = None
    sessions: tuple[str, ...] = field(default=(), repr=False)

    def as_json(self) -> dict[str, Any]:
        """Without its sessions, which may be many."""
        return {name: value for name, value in asdict(self).items() if name != "sessions"}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Finding":
        return cls(**{**stored, "check": Check(stored["check"])})


@dataclass(frozen=True)
class Look:
    """All checks of one scope, and from which probability on one is to review."""

    findings: list[Finding]

    @property
    def made(self) -> int:
        return sum(finding.p is not None for finding in self.findings)

    @property
    def threshold(self) -> float:
        return FALSE_ALARM / max(self.made, 1)

    @property
    def to_review(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.p is not None and finding.p < self.threshold]

    @property
    def could_not(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.p is None]


@dataclass(frozen=True)
class Everybody:
    """All labs, or all evaluators, together.

    twice, apart: their sessions of one policy with itself, and those of these that called no tie. rollouts: of each
    policy version, whose failed rollouts of known length there are, and of how many steps.
    """

    twice: int
    apart: int
    rollouts: dict[str, tuple[NDArray[np.str_], IntArray]]


@dataclass(frozen=True)
class Source:
    """A lab or an evaluator, its rows, and its like."""

    kind: str
    name: str
    own: list[dict[str, Any]]
    everybody: Everybody


def unexplained(kind: str, source: SourceReview, sessions: Sequence[str] = ()) -> Iterator[Finding]:
    """What the board's model leaves unexplained of a lab or an evaluator."""
    habit = HABIT * float(np.sqrt(source.n))
    figures = {
        Check.RESIDUALS: (source.fit, float(stats.chi2.sf(source.fit * source.seen / ROUGHNESS, source.seen))),
        Check.TIES: (source.z_ties, _beyond(source.z_ties, habit)),
        Check.SIDE: (source.z_side, _beyond(source.z_side, habit)),
    }
    for check, (figure, p) in figures.items():
        bound = ROUGHNESS if check is Check.RESIDUALS else habit
        one = Finding(kind, source.name, check, source.n, figure, p, bound=bound, sessions=tuple(sessions))
        yield _checked(one, of=source.n)


def pair_unexplained(pair: PairResidual, sessions: Sequence[str] = ()) -> Finding:
    """A pair of policies whose sessions the board's model does not explain."""
    habit = HABIT * float(np.sqrt(pair.n))
    name = f"{pair.policy} against {pair.other}"
    p = _beyond(pair.z, habit)
    return _checked(
        Finding("pair", name, Check.PAIR, pair.n, pair.z, p, bound=habit, sessions=tuple(sessions)), of=pair.n
    )


def of_sessions(rows: list[dict[str, Any]], *, simulated: bool) -> list[Finding]:
    """What needs no model. Rows as `oddities` makes them."""
    pool = _share([_contradicts(row) for row in rows])
    found = []
    for source in _sources(rows):
        found += [_quick(source, simulated=simulated), _given_up(source), _contradiction(source, pool)]
        found += [_same_policy(source), _same_policy_side(source), _short(source)]
    return found


def _sources(rows: list[dict[str, Any]]) -> Iterator[Source]:
    for kind in ("lab", "evaluator"):
        everybody, by_name = _everybody(kind, rows), defaultdict(list)
        for row in rows:
            by_name[row[kind]].append(row)
        for name, own in sorted(by_name.items()):
            yield Source(kind, name, own, everybody)


def _everybody(kind: str, rows: list[dict[str, Any]]) -> Everybody:
    twice = _with_one_policy(rows)
    rollouts: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in rows:
        if row["valid"]:
            for version, steps in row["failed"]:
                rollouts[version].append((row[kind], steps))
    arrays = {
        version: (np.array([name for name, _ in of]), np.array([steps for _, steps in of]))
        for version, of in rollouts.items()
    }
    return Everybody(len(twice), len(_told_apart(twice)), arrays)


def _quick(source: Source, *, simulated: bool) -> Finding:
    valid = [row for row in source.own if row["valid"]]
    if simulated:
        return _could_not(source, Check.QUICK, len(valid), "simulated rollouts take no robot's time")
    quick = [row for row in valid if row["seconds"] < QUICK_S]
    p = _at_least(len(quick), len(valid), QUICK_SHARE)
    return _of(source, Check.QUICK, len(valid), quick, p, bound=QUICK_SHARE)


def _given_up(source: Source) -> Finding:
    """Whether giving up depends on the policies: each policy's sessions that were given up against all others."""
    rows, given_up = source.own, sum(row["given_up"] for row in source.own)
    if given_up < MIN_GIVEN_UP or given_up == len(rows):
        return _could_not(source, Check.GIVEN_UP, len(rows), f"fewer than {MIN_GIVEN_UP} given up, or all")
    dealt = {
        version: [row for row in rows if version in row["versions"]]
        for version in sorted({version for row in rows for version in row["versions"]})
    }
    chances = {
        version: float(stats.hypergeom.sf(sum(row["given_up"] for row in of) - 1, len(rows), given_up, len(of)))
        for version, of in dealt.items()
    }
    about = min(chances, key=lambda version: chances[version])
    concerned = [row for row in dealt[about] if row["given_up"]]
    rest = len(rows) - len(dealt[about])
    bound = _part(given_up - len(concerned), rest)
    p = min(1.0, chances[about] * len(chances))
    n = len(dealt[about])
    return _of(source, Check.GIVEN_UP, n, concerned, p, bound=bound, about=about, of=len(rows))


def _contradiction(source: Source, pool: float) -> Finding:
    own = [row for row in source.own if _contradicts(row) is not None]
    against = [row for row in own if _contradicts(row)]
    bound = min(pool + CARELESSNESS, 1.0)
    return _of(source, Check.CONTRADICTION, len(own), against, _at_least(len(against), len(own), bound), bound=bound)


def _contradicts(row: dict[str, Any]) -> bool | None:
    """Whether the policy that came clearly less far is preferred; None where neither did, or it was a tie."""
    difference, preference = row["difference"], row["preference"]
    if not row["valid"] or difference is None or abs(difference) < CLEAR_DIFFERENCE or preference == Preference.TIE:
        return None
    return bool((difference > 0) != (preference == Preference.A))


def _same_policy(source: Source) -> Finding:
    """Told apart far more often than by everybody else, where no difference can be seen but by chance."""
    own = _with_one_policy(source.own)
    apart, others = _told_apart(own), source.everybody.twice - len(own)
    if others < MIN_SAME_POLICY:
        why = f"fewer than {MIN_SAME_POLICY} such sessions of everybody else"
        return _could_not(source, Check.SAME_POLICY, len(own), why)
    elsewhere = source.everybody.apart - len(apart)
    p = exceeds(len(apart), len(own), elsewhere, others)
    bound = _allowed(elsewhere, others)
    return _of(source, Check.SAME_POLICY, len(own), apart, p, bound=bound, least=MIN_SAME_POLICY)


def _same_policy_side(source: Source) -> Finding:
    apart = _told_apart(_with_one_policy(source.own))
    a = [row for row in apart if row["preference"] == Preference.A]
    preferred = a if 2 * len(a) > len(apart) else [row for row in apart if row["preference"] == Preference.B]
    p = min(1.0, 2 * _at_least(len(preferred), len(apart), SIDE_SHARE))
    return _of(source, Check.SAME_POLICY_SIDE, len(apart), preferred, p, bound=SIDE_SHARE)


def _with_one_policy(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["same_policy"] and row["valid"]]


def _told_apart(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["preference"] in (Preference.A, Preference.B)]


def _short(source: Source) -> Finding:
    """Rollouts of one policy that others let run far longer. Those that succeed end early, and are left aside."""
    own = _rollouts(source.own)
    often = [version for version in sorted(own) if len(own[version]) >= MIN_ROLLOUTS]
    others = {version: _steps_of_others(source, version) for version in often}
    enough = [version for version in often if len(others[version]) >= MIN_ROLLOUTS]
    if not enough:
        why = f"fewer than {MIN_ROLLOUTS} rollouts of each policy, its own or others'"
        return _could_not(source, Check.SHORT, sum(map(len, own.values())), why)
    found = [_short_of(source, version, own[version], others[version], among=len(enough)) for version in enough]
    return min(found, key=lambda finding: finding.p or 0.0)


def _steps_of_others(source: Source, version: str) -> IntArray:
    names, steps = source.everybody.rollouts[version]
    others: IntArray = steps[names != source.name]
    return others


def _short_of(source: Source, version: str, own: list[tuple[str, int]], others: IntArray, *, among: int) -> Finding:
    limit = SHORT * float(np.median(others))
    short = [session for session, steps in own if steps < limit]
    elsewhere = int(np.sum(others < limit))
    p = min(1.0, among * exceeds(len(short), len(own), elsewhere, len(others)))
    return Finding(
        *(source.kind, source.name, Check.SHORT, len(own), len(short) / len(own), p),
        about=version,
        bound=_allowed(elsewhere, len(others)),
        sessions=tuple(dict.fromkeys(short)),
    )


def _rollouts(rows: list[dict[str, Any]]) -> dict[str, list[tuple[str, int]]]:
    """By policy version: the session of each failed rollout of known length, and its steps."""
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in rows:
        if row["valid"]:
            for version, steps in row["failed"]:
                found[version].append((row["id"], steps))
    return found


def exceeds(count: int, n: int, elsewhere: int, others: int) -> float:
    """The chance of at least `count` of n where `elsewhere` of the others are so, and the odds are ODDS times theirs.

    Given how many are so in all: Fisher's noncentral hypergeometric distribution, which asks for no other number.
    """
    total = count + elsewhere
    possible = np.arange(max(0, total - others), min(n, total) + 1)
    weight = _log_choose(n, possible) + _log_choose(others, total - possible) + possible * np.log(ODDS)
    return float(np.exp(special.logsumexp(weight[possible >= count]) - special.logsumexp(weight)))


def _log_choose(n: int, k: Any) -> FloatArray:
    chosen: FloatArray = -np.log(n + 1) - special.betaln(n - k + 1, k + 1)
    return chosen


def _allowed(count: int, of: int) -> float:
    """The share with ODDS times the odds of this one."""
    return ODDS * count / (of - count + ODDS * count)


def _beyond(z: float, habit: float) -> float:
    return float(min(1.0, 2 * stats.norm.sf(abs(z) - habit)))


def _at_least(count: int, n: int, share: float) -> float:
    return float(stats.binom.sf(count - 1, n, share)) if count else 1.0


def _of(
    source: Source,
    check: Check,
    n: int,
    concerned: list[dict[str, Any]],
    p: float,
    *,
    bound: float | None,
    about: str = "",
    least: int = MIN_SESSIONS,
    of: int | None = None,
) -> Finding:
    """What some of n sessions show. of: how many sessions the check looked at, where these are more than n."""
    sessions = tuple(row["id"] for row in concerned)
    figure = _part(len(concerned), n)
    found = Finding(source.kind, source.name, check, n, figure, p, about=about, bound=bound, sessions=sessions)
    return _checked(found, of=n if of is None else of, least=least)


def _checked(finding: Finding, *, of: int, least: int = MIN_SESSIONS) -> Finding:
    if of < least:
        return Finding(finding.kind, finding.name, finding.check, of, None, None, f"fewer than {least} sessions")
    return finding


def _could_not(source: Source, check: Check, n: int, why: str) -> Finding:
    return Finding(source.kind, source.name, check, n, None, None, why)


def _share(values: Iterable[bool | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else 0.0


def _part(count: int, of: int) -> float | None:
    return count / of if of else None
