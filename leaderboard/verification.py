"""Is a snapshot's result what its input and settings give? Computed anew, and compared number by number."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from arena.errors import ArenaError
from leaderboard import inputs, questions, ranking, snapshots
from leaderboard.models import Snapshot
from leaderboard.ranking import RankingError

# What the same computation may differ by between machines: other processors and libraries round differently.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Agreement:
    """largest: difference of two numbers, relative to the larger where that exceeds 1. differing: where more differs
    than the tolerance allows, or something else than a number does."""

    largest: float
    differing: tuple[str, ...]

    @property
    def identical(self) -> bool:
        return self.largest == 0 and not self.differing

    @property
    def holds(self) -> bool:
        return not self.differing


def agreement(stored: Any, computed: Any, *, tolerance: float = TOLERANCE) -> Agreement:
    """Both as JSON gives them: dictionaries, lists, texts, numbers, booleans, None."""
    found = list(_differences(stored, computed, ""))
    return Agreement(
        largest=max((size for _, size in found if math.isfinite(size)), default=0.0),
        differing=tuple(path for path, size in found if not size <= tolerance),
    )


def _differences(stored: Any, computed: Any, path: str) -> Iterator[tuple[str, float]]:
    """Every place that differs, and by how much; infinity where that is no matter of size."""
    if _is_number(stored) and _is_number(computed):
        if stored != computed:
            yield path, _distance(stored, computed)
    elif isinstance(stored, dict) and isinstance(computed, dict):
        for key in sorted(stored.keys() | computed.keys(), key=str):
            inner = f"{path}.{key}" if path else str(key)
            if key in stored and key in computed:
                yield from _differences(stored[key], computed[key], inner)
            else:
                yield inner, math.inf
    elif isinstance(stored, list) and isinstance(computed, list) and len(stored) == len(computed):
        for place, (left, right) in enumerate(zip(stored, computed, strict=True)):
            yield from _differences(left, right, f"{path}[{place}]")
    elif type(stored) is not type(computed) or stored != computed:
        yield path, math.inf


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _distance(stored: float, computed: float) -> float:
    """Whole numbers are counts and ranks: they agree or they do not."""
    if isinstance(stored, int) and isinstance(computed, int):
        return math.inf
    return abs(stored - computed) / max(1.0, abs(stored), abs(computed))


@dataclass(frozen=True)
class Verification:
    """input_intact: the stored input has the hash under which it is kept. counts_add_up: it holds as many comparisons
    as the snapshot counted, and those left out are the rest."""

    input_intact: bool
    counts_add_up: bool
    agreement: Agreement

    @property
    def holds(self) -> bool:
        return self.input_intact and self.counts_add_up and self.agreement.holds


def verify(snapshot: Snapshot) -> Verification:
    """Compute a snapshot anew, from nothing but its input, its model and its settings. Raises ArenaError."""
    content = inputs.content_of(snapshot.input)
    selection = questions.select(content, snapshots.question_of(snapshot.board))
    adds_up = selection.counted == snapshot.counted and snapshot.total == snapshot.counted + sum(
        snapshot.excluded.values()
    )
    # Inputs of earlier versions hold counted sessions alone.
    reasons_known = snapshot.input.content is None
    return Verification(
        input_intact=hashlib.sha256(content).hexdigest() == snapshot.input_id,
        counts_add_up=adds_up and (not reasons_known or selection.excluded == snapshot.excluded),
        agreement=agreement(snapshot.result, _computed(selection, snapshot)),
    )


def _computed(selection: questions.Selection, snapshot: Snapshot) -> dict[str, Any]:
    try:
        settings = ranking.settings_from_json(snapshot.model, snapshot.settings)
        return snapshots.compute(selection, model=snapshot.model, chosen=settings)
    except RankingError as error:
        raise ArenaError(error.code, error.message) from None
