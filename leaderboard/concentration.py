"""Whether a board rests on few: the thresholds of /integrity, and how concentrated its evidence is. Pure.

A threshold names what is worth a look. Nothing is excluded by it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The worst first."""

    REVIEW = "review"
    WATCH = "watch"
    WITHIN = "within bounds"
    UNTOLD = "cannot be told"


SEVERITY = {verdict: place for place, verdict in enumerate(Verdict)}


@dataclass(frozen=True)
class Limits:
    """A figure that reaches one of them is to be watched, or reviewed."""

    watch: float
    review: float

    def verdict(self, figure: float) -> Verdict:
        if figure >= self.review:
            return Verdict.REVIEW
        return Verdict.WATCH if figure >= self.watch else Verdict.WITHIN


# Of the counted sessions of a version, or of all: the share of one evaluator, of one lab, of one opponent or pair.
EVALUATOR = Limits(watch=0.25, review=0.40)
LAB = Limits(watch=0.55, review=0.70)
OPPONENT = Limits(watch=0.12, review=0.20)
# Few opponents have large shares however fairly they are drawn: nothing is asked below so many times an even share.
EVEN_SHARES = Limits(watch=1.5, review=2.0)
# Of the sessions that were assigned, so many end with a valid result; said from so many assignments on.
COMPLETION_BELOW = 0.70
COMPLETION_FROM = 20
# What a lab's sessions move of a score, in that score's standard errors: past two, the score leaves its own interval.
INFLUENCE = Limits(watch=1.0, review=2.0)


class By(StrEnum):
    EVALUATOR = "evaluator"
    LAB = "lab"
    OPPONENT = "opponent"
    PAIR = "pair"


class Outcome(StrEnum):
    VALID = "valid"
    NOT_VALID = "not_valid"
    ABANDONED = "abandoned"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Cell:
    """n sessions that have ended alike, with the same versions, at one lab, by one evaluator.

    reason: why they ended as they did; left_out: why they are not counted, empty where they are.
    """

    versions: tuple[str, str]
    embodiment: int
    lab: str
    evaluator: str
    outcome: Outcome
    reason: str
    left_out: str
    n: int

    @property
    def pair(self) -> str:
        return " and ".join(sorted(self.versions))


@dataclass(frozen=True)
class Share:
    """The largest part of the counted sessions that one source has, of a version's or, where that is empty, of all.

    source: empty where none is named, as evaluators of imported sessions may be.
    """

    version: str
    by: By
    source: str
    sessions: int
    counted: int
    limits: Limits
    verdict: Verdict

    @property
    def share(self) -> float:
        return self.sessions / self.counted


def shares(cells: Iterable[Cell], *, least: int) -> list[Share]:
    """Of all counted sessions, and of each version's, by each kind of source; the worst first.

    least: with fewer counted sessions nothing can be told.
    """
    counted = [cell for cell in cells if not cell.left_out]
    pairs = {tuple(sorted(cell.versions)) for cell in counted}
    possible = sum(size * (size - 1) // 2 for size in _sizes(counted).values())
    found = list(_largest("", counted, pair_limits(possible), least)) if pairs else []
    for version, others in _others(counted).items():
        found += _largest(version, [cell for cell in counted if version in cell.versions], pair_limits(others), least)
    return sorted(found, key=lambda one: (SEVERITY[one.verdict], -one.share, one.version, one.by))


def pair_limits(possible: int) -> Limits:
    """possible: so many opponents, or pairs, there are to choose from."""
    return Limits(
        max(OPPONENT.watch, EVEN_SHARES.watch / possible), max(OPPONENT.review, EVEN_SHARES.review / possible)
    )


def _largest(version: str, counted: list[Cell], limits: Limits, least: int) -> Iterator[Share]:
    evaluators, labs, pairs = Counter[str](), Counter[str](), Counter[str]()
    for cell in counted:
        evaluators[cell.evaluator] += cell.n
        labs[cell.lab] += cell.n
        pairs[_met(version, cell)] += cell.n
    yield _share(version, By.EVALUATOR, evaluators, EVALUATOR, least)
    yield _share(version, By.LAB, labs, LAB, least)
    yield _share(version, By.OPPONENT if version else By.PAIR, pairs, limits, least)


def _met(version: str, cell: Cell) -> str:
    if not version:
        return cell.pair
    first, second = cell.versions
    return second if version == first else first


def _share(version: str, by: By, counts: Counter[str], limits: Limits, least: int) -> Share:
    total = counts.total()
    named = [(source, n) for source, n in counts.items() if source]
    source, sessions = min(named, key=lambda one: (-one[1], one[0]), default=("", 0))
    told = total >= least and limits.watch <= 1 and bool(named)
    verdict = limits.verdict(sessions / total) if told else Verdict.UNTOLD
    return Share(version, by, source, sessions, total, limits, verdict)


def _sizes(counted: list[Cell]) -> dict[int, int]:
    """How many versions there are for each kind of robot."""
    versions = {(cell.embodiment, version) for cell in counted for version in cell.versions}
    return Counter(embodiment for embodiment, _ in versions)


def _others(counted: list[Cell]) -> dict[str, int]:
    """How many others each version could meet: those for the same robots."""
    sizes = _sizes(counted)
    robots = {(version, cell.embodiment) for cell in counted for version in cell.versions}
    others: Counter[str] = Counter()
    for version, embodiment in robots:
        others[version] += sizes[embodiment] - 1
    return dict(sorted(others.items()))


def influence_verdict(move: float, *, changes_leader: bool, labs: int) -> Verdict:
    """Of one lab among so many: with one lab alone there is nothing left without it."""
    if labs < 2:
        return Verdict.UNTOLD
    verdict = INFLUENCE.verdict(move)
    return Verdict.WATCH if changes_leader and verdict is Verdict.WITHIN else verdict
