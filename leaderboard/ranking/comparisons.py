"""The table of comparisons that every model reads, and its aggregation into cells."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leaderboard.ranking.errors import InvalidComparisons

IntArray = NDArray[np.int64]
CountArray = NDArray[np.int32]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


# Comparisons are added up in a table of all cells where that has at most so many places (2 MB), or as many as there are
# comparisons.
FEW_PLACES = 200_000
# So many rows are looked at together: what they need in between stays in a processor's cache.
PIECE = 1 << 18


class Outcome(IntEnum):
    """What the evaluator preferred. The numbers are rows of `Cells.counts`."""

    A = 0
    TIE = 1
    B = 2


@dataclass(frozen=True, eq=False)
class Rows:
    """See Cells."""

    policy_a: IntArray
    policy_b: IntArray
    lab: IntArray
    counts: FloatArray


class Cells:
    """Comparisons added up: one row for each (lab, policy on side A, policy on side B) that occurs, in that order.

    policy_a, policy_b, lab: (m,) keys. counts: (3, m) numbers of comparisons by Outcome, whole, stored as floats.
    table: (3, G, P, P) the same with every cell, where they were added up in one; rows are then made when asked for.
    """

    def __init__(self, rows: Rows | None = None, *, table: CountArray | None = None) -> None:
        assert (rows is None) != (table is None)
        self.table = table
        self._rows = rows

    @property
    def rows(self) -> Rows:
        if self._rows is None:
            assert self.table is not None
            self._rows = _filled(self.table)
        return self._rows

    @property
    def policy_a(self) -> IntArray:
        return self.rows.policy_a

    @property
    def policy_b(self) -> IntArray:
        return self.rows.policy_b

    @property
    def lab(self) -> IntArray:
        return self.rows.lab

    @property
    def counts(self) -> FloatArray:
        return self.rows.counts

    @cached_property
    def filled(self) -> int:
        """m."""
        return self.lab.size if self.table is None else int(np.count_nonzero(self.table.any(axis=0)))

    def met(self, n_policies: int) -> BoolArray:
        """(P, P): whether the row policy, on side A, was compared with the column policy."""
        if self.table is not None:
            found: BoolArray = np.bitwise_or.reduce(self.table, axis=(0, 1)) > 0
            return found
        met = np.zeros((n_policies, n_policies), dtype=np.bool_)
        met[self.policy_a, self.policy_b] = True
        return met


def _filled(table: CountArray) -> Rows:
    lab, policy_a, policy_b = np.nonzero(table.any(axis=0))
    return Rows(policy_a, policy_b, lab, table[:, lab, policy_a, policy_b].astype(np.float64))


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparisons:
    """n comparisons of two policies each, as integer keys into tuples of names. Read-only.

    policy_a, policy_b, lab, outcome: (n,) integers. evaluator, category: (n,) integers, or None where unknown.
    progress_a, progress_b: (n,) floats in [0, 1], NaN where missing; `no_progress(n)` where all are.
    The arrays are not copied: whoever passes an array leaves it alone from then on.

    Raises InvalidComparisons.
    """

    policies: tuple[str, ...]
    labs: tuple[str, ...]
    policy_a: IntArray
    policy_b: IntArray
    outcome: IntArray
    lab: IntArray
    progress_a: FloatArray
    progress_b: FloatArray
    evaluators: tuple[str, ...] = ()
    evaluator: IntArray | None = None
    categories: tuple[str, ...] = ()
    category: IntArray | None = None

    def __post_init__(self) -> None:
        n = np.size(self.policy_a)
        for field, bound in self._key_bounds().items():
            object.__setattr__(self, field, _keys(field, getattr(self, field), n=n, bound=bound))
        for field in ("progress_a", "progress_b"):
            object.__setattr__(self, field, _progress(field, getattr(self, field), n=n))
        for field in ("policies", "labs", "evaluators", "categories"):
            _require_distinct(field, getattr(self, field))
        _require_two_policies(self)

    def _key_bounds(self) -> dict[str, int]:
        bounds = {
            "policy_a": self.n_policies,
            "policy_b": self.n_policies,
            "outcome": len(Outcome),
            "lab": self.n_labs,
        }
        if self.evaluator is not None:
            bounds["evaluator"] = len(self.evaluators)
        if self.category is not None:
            bounds["category"] = len(self.categories)
        return bounds

    def __len__(self) -> int:
        return int(self.policy_a.size)

    @property
    def n_policies(self) -> int:
        return len(self.policies)

    @property
    def n_labs(self) -> int:
        return len(self.labs)

    def compared(self) -> tuple["Comparisons", tuple[str, ...]]:
        """The same comparisons with only the policies that occur in them, and the names of those that do not."""
        present = np.union1d(self.policy_a, self.policy_b)
        if present.size == self.n_policies:
            return self, ()
        absent = np.setdiff1d(np.arange(self.n_policies), present)
        fewer = replace(
            self,
            policies=tuple(self.policies[p] for p in present),
            policy_a=np.searchsorted(present, self.policy_a),
            policy_b=np.searchsorted(present, self.policy_b),
        )
        return fewer, tuple(self.policies[p] for p in absent)

    def cells(self) -> Cells:
        """The comparisons added up. The order of the rows leaves no trace: equal sets of rows give equal cells.

        Takes O(n) time where there are many comparisons to a cell, O(n log n) otherwise.
        """
        if self.n_labs * self.n_policies**2 <= max(FEW_PLACES, len(self)):
            return Cells(table=self._table())
        packed = (self.lab * self.n_policies + self.policy_a) * self.n_policies + self.policy_b
        keys, row = np.unique(packed, return_inverse=True)
        added = np.bincount(row * len(Outcome) + self.outcome, minlength=keys.size * len(Outcome))
        pair, policy_b = np.divmod(keys, self.n_policies)
        lab, policy_a = np.divmod(pair, self.n_policies)
        counts = added.reshape(-1, len(Outcome)).T.astype(np.float64, order="C")
        return Cells(Rows(policy_a, policy_b, lab, counts))

    def _table(self) -> CountArray:
        """(3, G, P, P) numbers of comparisons."""
        shape = (len(Outcome), self.n_labs, self.n_policies, self.n_policies)
        table = np.zeros(math.prod(shape), dtype=np.int32)
        one = np.int32(1)
        place = np.empty(PIECE, dtype=np.int64)
        for outcome, lab, policy_a, policy_b in _pieces(self.outcome, self.lab, self.policy_a, self.policy_b):
            place = place[: outcome.size]
            np.multiply(outcome, shape[1], out=place)
            for keys, size in ((lab, shape[2]), (policy_a, shape[3])):
                place += keys
                place *= size
            place += policy_b
            np.add.at(table, place, one)
        return table.reshape(shape)


def _pieces(*columns: IntArray) -> Iterator[tuple[IntArray, ...]]:
    for start in range(0, columns[0].size, PIECE):
        yield tuple(column[start : start + PIECE] for column in columns)


def no_progress(n: int) -> FloatArray:
    """(n,) of NaN, which takes no memory."""
    return np.broadcast_to(np.float64(np.nan), (n,))


def by_evaluator_and_lab(comparisons: Comparisons) -> Comparisons:
    """The same comparisons with evaluator x G + lab in place of the lab. Needs evaluators."""
    assert comparisons.evaluator is not None
    both = comparisons.evaluator * comparisons.n_labs + comparisons.lab
    names = tuple(f"{number}" for number in range(len(comparisons.evaluators) * comparisons.n_labs))
    return replace(comparisons, lab=both, labs=names)


def encode(
    *,
    policy_a: Sequence[str],
    policy_b: Sequence[str],
    preference: Sequence[str],
    lab: Sequence[str],
    evaluator: Sequence[str] | None = None,
    category: Sequence[str] | None = None,
    progress_a: ArrayLike | None = None,
    progress_b: ArrayLike | None = None,
) -> Comparisons:
    """Comparisons from names, one sequence a column, all of one length.

    preference: "A", "TIE" or "B". Names get their keys in sorted order, whatever the order of the rows.
    Raises InvalidComparisons.
    """
    policies = _names(policy_a, policy_b)
    labs = _names(lab)
    evaluators = _names(evaluator or ())
    categories = _names(category or ())
    return Comparisons(
        policies=policies,
        labs=labs,
        evaluators=evaluators,
        categories=categories,
        policy_a=_encoded(policy_a, policies),
        policy_b=_encoded(policy_b, policies),
        outcome=_outcomes(preference),
        lab=_encoded(lab, labs),
        progress_a=_progress_or_missing(progress_a, n=len(policy_a)),
        progress_b=_progress_or_missing(progress_b, n=len(policy_a)),
        evaluator=None if evaluator is None else _encoded(evaluator, evaluators),
        category=None if category is None else _encoded(category, categories),
    )


def _names(*columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for column in columns for name in column}))


def _encoded(column: Sequence[str], names: tuple[str, ...]) -> IntArray:
    key = {name: number for number, name in enumerate(names)}
    return np.fromiter((key[name] for name in column), dtype=np.int64, count=len(column))


def _outcomes(preference: Sequence[str]) -> IntArray:
    unknown = sorted(set(preference) - set(Outcome.__members__))
    if unknown:
        raise InvalidComparisons("preference_unknown", f"A preference is A, TIE or B, not {unknown[0]!r}.")
    return np.fromiter((Outcome[name] for name in preference), dtype=np.int64, count=len(preference))


def _keys(field: str, values: ArrayLike, *, n: int, bound: int) -> IntArray:
    keys = np.asarray(values)
    if keys.size == 0:
        keys = keys.astype(np.int64)
    _require_column(field, keys, n=n)
    if not np.issubdtype(keys.dtype, np.integer):
        raise InvalidComparisons("keys_not_integer", f"{field} holds {keys.dtype}, but keys are integers.")
    if n and _largest(keys) >= bound:
        raise InvalidComparisons("key_out_of_range", f"{field} holds a key outside 0 to {bound - 1}.")
    return _read_only(keys.astype(np.int64, copy=False))


def _largest(keys: NDArray[np.integer[Any]]) -> int:
    """The largest key; where one is negative, a number beyond all keys. One pass: negative numbers, read as if they
    had no sign, are the largest."""
    if keys.dtype.kind == "i":
        keys = keys.view(f"u{keys.dtype.itemsize}")
    return int(keys.max())


def _progress_or_missing(column: ArrayLike | None, *, n: int) -> FloatArray:
    return no_progress(n) if column is None else np.asarray(column, dtype=np.float64)


def _progress(field: str, values: ArrayLike, *, n: int) -> FloatArray:
    progress = np.asarray(values, dtype=np.float64)
    _require_column(field, progress, n=n)
    known = progress[:1] if progress.strides == (0,) else progress
    if known.size and (np.fmin.reduce(known) < 0 or np.fmax.reduce(known) > 1):
        raise InvalidComparisons("progress_out_of_range", f"{field} holds a value outside 0 to 1.")
    return _read_only(progress)


def _require_column(field: str, column: NDArray[np.generic], *, n: int) -> None:
    if column.shape != (n,):
        raise InvalidComparisons("columns_differ", f"{field} has shape {column.shape}, but policy_a has {n} rows.")


def _require_distinct(field: str, names: tuple[str, ...]) -> None:
    if len(set(names)) != len(names):
        raise InvalidComparisons("names_repeated", f"{field} holds the same name twice.")


def _require_two_policies(table: Comparisons) -> None:
    before = 0
    for policy_a, policy_b in _pieces(table.policy_a, table.policy_b):
        same = policy_a == policy_b
        if same.any():
            row = before + int(np.argmax(same))
            name = table.policies[int(table.policy_a[row])]
            raise InvalidComparisons("policy_against_itself", f"Row {row} compares {name} with itself.")
        before += same.size


def _read_only(array: NDArray[Scalar]) -> NDArray[Scalar]:
    view = array.view()
    view.flags.writeable = False
    return view
