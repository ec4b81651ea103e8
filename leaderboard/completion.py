"""What became of the sessions that were assigned: by lab, evaluator, policy version and pair, and of all. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from leaderboard.concentration import COMPLETION_BELOW, COMPLETION_FROM, SEVERITY, Cell, Outcome, Verdict


@dataclass(frozen=True)
class Completion:
    """Sessions that have ended; by reason where they were not valid or were given up."""

    name: str
    valid: int = 0
    not_valid: dict[str, int] = field(default_factory=dict)
    abandoned: dict[str, int] = field(default_factory=dict)
    expired: int = 0

    @property
    def assigned(self) -> int:
        return self.valid + sum(self.not_valid.values()) + sum(self.abandoned.values()) + self.expired

    @property
    def rate(self) -> float | None:
        """The share that ended with a valid result."""
        return self.valid / self.assigned if self.assigned else None

    @property
    def verdict(self) -> Verdict:
        if self.rate is None or self.assigned < COMPLETION_FROM:
            return Verdict.UNTOLD
        return Verdict.WATCH if self.rate < COMPLETION_BELOW else Verdict.WITHIN


def of_all(cells: Iterable[Cell]) -> Completion:
    return _completion("", list(cells))


def of_labs(cells: Iterable[Cell]) -> list[Completion]:
    """The worst first."""
    return _worst_first((cell.lab, cell) for cell in cells)


def of_evaluators(cells: Iterable[Cell]) -> list[Completion]:
    """By pseudonym, the worst first. Who has none, as evaluators of imported sessions may not, is left out."""
    return _worst_first((cell.evaluator, cell) for cell in cells if cell.evaluator)


def of_pairs(cells: Iterable[Cell]) -> list[Completion]:
    """The worst first."""
    return _worst_first((cell.pair, cell) for cell in cells)


def of_versions(cells: Iterable[Cell]) -> list[Completion]:
    """The worst first. A session counts for both of its versions."""
    return _worst_first((version, cell) for cell in cells for version in set(cell.versions))


def _worst_first(named: Iterable[tuple[str, Cell]]) -> list[Completion]:
    by_name: defaultdict[str, list[Cell]] = defaultdict(list)
    for name, cell in named:
        by_name[name].append(cell)
    found = [_completion(name, cells) for name, cells in by_name.items()]
    return sorted(found, key=lambda one: (SEVERITY[one.verdict], one.rate, one.name))


def _completion(name: str, cells: list[Cell]) -> Completion:
    counts: defaultdict[Outcome, Counter[str]] = defaultdict(Counter)
    for cell in cells:
        counts[cell.outcome][cell.reason] += cell.n
    return Completion(
        name=name,
        valid=counts[Outcome.VALID].total(),
        not_valid=dict(counts[Outcome.NOT_VALID].most_common()),
        abandoned=dict(counts[Outcome.ABANDONED].most_common()),
        expired=counts[Outcome.EXPIRED].total(),
    )
