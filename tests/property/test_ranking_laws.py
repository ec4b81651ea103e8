"""What must hold of a ranking whatever the comparisons are."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboard import ranking
from leaderboard.ranking import (
    Comparisons,
    DavidsonSettings,
    FitResult,
    IntervalSettings,
    JointSettings,
    davidson,
    encode,
    fit,
)
from leaderboard.ranking.comparisons import BoolArray
from leaderboard.ranking.diagnostics import components
from leaderboard.ranking.estimate import Estimate
from leaderboard.ranking.intervals import clustered
from leaderboard.ranking.ranks import group_letters

QUICK = IntervalSettings(draws=50)
DEFAULT = DavidsonSettings(intervals=QUICK)
NO_ORDER_EFFECT = DavidsonSettings(order_sd=0, intervals=QUICK)
ALL_BUT_SCORES_HELD = DavidsonSettings(order_sd=0, tie_sd=0, lab_tie_sd=0, lab_tie_estimated=False, intervals=QUICK)
ONLY_SCORES_FREE = replace(ALL_BUT_SCORES_HELD, theta_sd=None)

LABS = 3
Row = tuple[int, int, str, int]


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    P = draw(st.integers(2, 5))
    pair = st.tuples(st.integers(0, P - 1), st.integers(1, P - 1)).map(lambda ab: (ab[0], sum(ab) % P))
    row = st.tuples(pair, st.sampled_from(["A", "TIE", "B"]), st.integers(0, LABS - 1))
    drawn = draw(st.lists(row, min_size=1, max_size=40))
    return [(a, b, preference, lab) for (a, b), preference, lab in drawn]


def connected(drawn: list[Row]) -> list[Row]:
    """With a ring of mutual wins, so that the likelihood alone bounds every score, and every policy is known."""
    P = 1 + max(max(a, b) for a, b, _, _ in drawn)
    return drawn + [(p, (p + 1) % P, preference, p % LABS) for p in range(P) for preference in ("A", "B")]


def table(drawn: list[Row]) -> Comparisons:
    policy_a, policy_b, preference, lab = zip(*drawn, strict=True)
    return encode(
        policy_a=[f"policy {a}" for a in policy_a],
        policy_b=[f"policy {b}" for b in policy_b],
        preference=preference,
        lab=[f"lab {g}" for g in lab],
    )


def scores(result: FitResult) -> dict[str, float]:
    return {row.policy: row.score for row in result.policies}


def assert_close(left: dict[str, float], right: dict[str, float]) -> None:
    assert left.keys() == right.keys()
    np.testing.assert_allclose([left[name] for name in right], list(right.values()), atol=1e-8)


laws = settings(deadline=None, max_examples=40)
few = settings(deadline=None, max_examples=20)


@laws
@given(rows(), st.randoms(use_true_random=False))
def test_relabelling_policies_permutes_scores(drawn: list[Row], random: Random) -> None:
    names = list(range(6))
    random.shuffle(names)
    renamed = fit(table([(names[a], names[b], y, g) for a, b, y, g in drawn]), model="davidson", settings=DEFAULT)
    original = scores(fit(table(drawn), model="davidson", settings=DEFAULT))
    assert_close(scores(renamed), {f"policy {names[int(name[-1])]}": score for name, score in original.items()})


@laws
@given(rows())
def test_swapping_sides_with_outcomes_changes_nothing_without_order_effect(drawn: list[Row]) -> None:
    other = {"A": "B", "TIE": "TIE", "B": "A"}
    swapped = [(b, a, other[y], g) for a, b, y, g in drawn]
    left, right = (fit(table(some), model="davidson", settings=NO_ORDER_EFFECT) for some in (drawn, swapped))
    assert_close(scores(left), scores(right))
    np.testing.assert_allclose(left.covariance, right.covariance, atol=1e-8)


@laws
@given(rows())
def test_swapping_sides_with_outcomes_turns_the_order_effect_round(drawn: list[Row]) -> None:
    other = {"A": "B", "TIE": "TIE", "B": "A"}
    swapped = [(b, a, other[y], g) for a, b, y, g in drawn]
    left, right = (fit(table(some), model="davidson", settings=DEFAULT) for some in (drawn, swapped))
    assert_close(scores(left), scores(right))
    np.testing.assert_allclose(left.order.delta, -right.order.delta, atol=1e-8)


@laws
@given(rows())
def test_a_further_win_never_lowers_the_winner_nor_raises_the_loser(drawn: list[Row]) -> None:
    a, b, _, lab = drawn[0]
    before = scores(fit(table(drawn), model="davidson", settings=ALL_BUT_SCORES_HELD))
    after = scores(fit(table([*drawn, (a, b, "A", lab)]), model="davidson", settings=ALL_BUT_SCORES_HELD))
    assert after[f"policy {a}"] > before[f"policy {a}"] - 1e-9
    assert after[f"policy {b}"] < before[f"policy {b}"] + 1e-9


@laws
@given(rows().map(connected))
def test_duplicating_the_data_halves_the_model_based_variances_alone(drawn: list[Row]) -> None:
    once, twice = (estimate(table(some)) for some in (drawn, drawn * 2))
    np.testing.assert_allclose(twice.score, once.score, atol=1e-8)
    np.testing.assert_allclose(twice.covariance, once.covariance / 2, atol=1e-8)
    np.testing.assert_allclose(clustered(twice.influence, labs=3), clustered(once.influence, labs=3), atol=1e-8)


def estimate(comparisons: Comparisons) -> Estimate:
    cells = comparisons.cells()
    component = components(cells, n_policies=comparisons.n_policies)
    return davidson.estimate(comparisons, cells, component, ONLY_SCORES_FREE)


@laws
@given(rows(), st.integers(0, 100))
def test_progress_changes_no_davidson_score(drawn: list[Row], percent: int) -> None:
    plain = table(drawn)
    progress = np.full(len(plain), percent / 100)
    result = fit(replace(plain, progress_a=progress, progress_b=1 - progress), model="davidson", settings=DEFAULT)
    assert scores(result) == scores(fit(plain, model="davidson", settings=DEFAULT))


@laws
@given(rows())
def test_every_answer_is_consistent_with_itself(drawn: list[Row]) -> None:
    result = fit(table(drawn), model="davidson", settings=DEFAULT)
    win, tie = (np.array(matrix, dtype=np.float64) for matrix in (result.win, result.tie))
    total = win + tie + win.T
    assert np.all(np.isnan(total) | (np.abs(total - 1) < 1e-12))
    for component in {row.component for row in result.policies}:
        own = [row for row in result.policies if row.component == component]
        assert abs(sum(row.score for row in own)) < 1e-9
        assert all(better.score > worse.score - 1e-8 for better, worse in pairwise(own))
        assert all(1 <= row.rank_low <= row.rank <= row.rank_high <= len(own) for row in own)
    assert np.linalg.eigvalsh(result.covariance).min() > -1e-9


ProgressRow = tuple[int, int, str, int, int, int, int]


@st.composite
def progress_rows(draw: st.DrawFn) -> list[ProgressRow]:
    """(policy on A, on B, preference, lab, task, tenths of progress on A, on B; -1 where missing)."""
    more = st.tuples(st.integers(0, 2), st.integers(-1, 10), st.integers(-1, 10))
    return [(*row, *draw(more)) for row in draw(rows())]


def full_table(drawn: list[ProgressRow]) -> Comparisons:
    plain = table([row[:4] for row in drawn])
    tenths = np.array([row[5:] for row in drawn], dtype=np.float64)
    progress = np.where(tenths < 0, np.nan, tenths / 10)
    return replace(
        plain,
        categories=("x", "y", "z"),
        category=np.array([row[4] for row in drawn]),
        progress_a=progress[:, 0],
        progress_b=progress[:, 1],
    )


# With the hyperparameters held, the joint model has one top, and what is said of it can be exact.
HELD = JointSettings(
    spreads_estimated=False,
    scale=0.9,
    dispersion=0.5,
    preference_weight=0.5,
    progress_weight=0.7,
    order_sd=0,
    progress_order_sd=0,
    task_mix="equal",
    intervals=IntervalSettings(method="model", draws=50),
)


def joint(drawn: list[ProgressRow], settings: JointSettings = HELD) -> FitResult:
    return fit(full_table(drawn), model="joint", settings=settings)


@few
@given(progress_rows(), st.randoms(use_true_random=False))
def test_joint_relabelling_policies_permutes_scores(drawn: list[ProgressRow], random: Random) -> None:
    names = list(range(6))
    random.shuffle(names)
    renamed = joint([(names[row[0]], names[row[1]], *row[2:]) for row in drawn])
    original = scores(joint(drawn))
    assert_close(scores(renamed), {f"policy {names[int(name[-1])]}": score for name, score in original.items()})


@few
@given(progress_rows())
def test_joint_swapping_sides_with_readings_changes_nothing_without_order_effects(drawn: list[ProgressRow]) -> None:
    other = {"A": "B", "TIE": "TIE", "B": "A"}
    swapped = [(b, a, other[y], g, c, s_b, s_a) for a, b, y, g, c, s_a, s_b in drawn]
    left, right = joint(drawn), joint(swapped)
    assert_close(scores(left), scores(right))
    assert [row.policy for row in left.policies] == [row.policy for row in right.policies]
    np.testing.assert_allclose(left.covariance, right.covariance, atol=1e-8)


@few
@given(progress_rows())
def test_joint_twice_the_data_at_half_the_weight_is_the_same(drawn: list[ProgressRow]) -> None:
    """At fixed tie parameters, which are estimated as if preferences had their full weight."""
    held = replace(HELD, tie_sd=0, lab_tie_sd=0, task_tie_sd=0)
    once, twice = (
        ranking.estimate(
            full_table(some), model="joint", settings=replace(held, preference_weight=w, progress_weight=1.4 * w)
        )
        for some, w in ((drawn, 0.5), (drawn * 2, 0.25))
    )
    np.testing.assert_allclose(once.score, twice.score, atol=1e-8)
    np.testing.assert_allclose(once.covariance, twice.covariance, atol=1e-8)


@few
@given(progress_rows())
def test_joint_a_further_win_never_brings_the_loser_closer(drawn: list[ProgressRow]) -> None:
    """At fixed tie parameters; without tasks, which could make it a win at something else."""
    held = replace(HELD, psi_sd=0, b_sd=0, tie_sd=0, lab_tie_sd=0, task_tie_sd=0)
    a, b, _, lab, *_ = drawn[0]
    before, after = (scores(joint(some, held)) for some in (drawn, [*drawn, (a, b, "A", lab, 0, -1, -1)]))
    winner, loser = f"policy {a}", f"policy {b}"
    assert after[winner] - after[loser] > before[winner] - before[loser] - 1e-9


@few
@given(progress_rows())
def test_joint_answers_are_consistent_with_themselves(drawn: list[ProgressRow]) -> None:
    result = joint(
        drawn,
        replace(
            HELD, spreads_estimated=True, scale=None, dispersion=None, preference_weight=None, progress_weight=None
        ),
    )
    for component in {row.component for row in result.policies}:
        own = [row for row in result.policies if row.component == component]
        assert abs(sum(row.score for row in own)) < 1e-8
        assert all(1 <= row.rank_low <= row.rank <= row.rank_high <= len(own) for row in own)
    assert np.linalg.eigvalsh(result.covariance).min() > -1e-9
    assert all(row.expected_progress is None or 0 < row.expected_progress < 1 for row in result.policies)


@st.composite
def alike_matrices(draw: st.DrawFn) -> BoolArray:
    P = draw(st.integers(1, 9))
    upper = np.array(draw(st.lists(st.booleans(), min_size=P * P, max_size=P * P))).reshape(P, P)
    return np.triu(upper) | np.triu(upper).T | np.eye(P, dtype=np.bool_)


@settings(deadline=None, max_examples=200)
@given(alike_matrices(), st.randoms(use_true_random=False))
def test_policies_share_a_letter_exactly_where_they_are_alike(alike: BoolArray, random: Random) -> None:
    order = list(range(len(alike)))
    random.shuffle(order)
    groups = [set(group) for group in group_letters(alike, order=np.array(order))]
    shared = np.array([[bool(left & right) for right in groups] for left in groups])
    np.testing.assert_array_equal(shared, alike)
