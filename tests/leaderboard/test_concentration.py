"""Shares, thresholds and completion, from made-up sessions."""

from dataclasses import replace

import pytest

from leaderboard import completion, concentration
from leaderboard.concentration import (
    COMPLETION_BELOW,
    COMPLETION_FROM,
    EVALUATOR,
    INFLUENCE,
    LAB,
    OPPONENT,
    By,
    Cell,
    Limits,
    Outcome,
    Share,
    Verdict,
    influence_verdict,
    pair_limits,
    shares,
)

LEAST = 20
OTHERS = [f"other-{number}@1" for number in range(10)]


def cell(
    n: int = 1,
    *,
    versions: tuple[str, str] = ("alpha@1", "beta@1"),
    lab: str = "lab-1",
    evaluator: str = "amber-fox",
    outcome: Outcome = Outcome.VALID,
    reason: str = "",
    left_out: str | None = None,
    robot: int = 1,
) -> Cell:
    why = left_out if left_out is not None else reason
    return Cell(versions, robot, lab, evaluator, outcome, reason, why, n)


def of(found: list[Share], version: str, by: By) -> Share:
    return next(one for one in found if (one.version, one.by) == (version, by))


@pytest.mark.parametrize("limits", [EVALUATOR, LAB, OPPONENT, INFLUENCE])
def test_a_limit_that_is_reached_counts(limits: Limits) -> None:
    assert limits.watch < limits.review
    assert limits.verdict(limits.watch - 1e-9) is Verdict.WITHIN
    assert limits.verdict(limits.watch) is Verdict.WATCH
    assert limits.verdict(limits.review - 1e-9) is Verdict.WATCH
    assert limits.verdict(limits.review) is Verdict.REVIEW


@pytest.mark.parametrize(
    ("theirs", "of_all", "verdict"),
    [
        (24, 100, Verdict.WITHIN),
        (25, 100, Verdict.WATCH),
        (39, 100, Verdict.WATCH),
        (40, 100, Verdict.REVIEW),
        (5, 20, Verdict.WATCH),
        (8, 20, Verdict.REVIEW),
        (19, 19, Verdict.UNTOLD),
    ],
)
def test_one_evaluator_s_share(theirs: int, of_all: int, verdict: Verdict) -> None:
    rest = [cell(evaluator=f"evaluator-{number}") for number in range(of_all - theirs)]
    found = of(shares([cell(theirs), *rest], least=LEAST), "alpha@1", By.EVALUATOR)
    assert (found.source, found.sessions, found.counted, found.verdict) == ("amber-fox", theirs, of_all, verdict)
    assert found.limits == EVALUATOR


@pytest.mark.parametrize(
    ("theirs", "verdict"), [(54, Verdict.WITHIN), (55, Verdict.WATCH), (69, Verdict.WATCH), (70, Verdict.REVIEW)]
)
def test_one_lab_s_share(theirs: int, verdict: Verdict) -> None:
    found = shares([cell(theirs), cell(100 - theirs, lab="lab-2")], least=LEAST)
    assert {of(found, version, By.LAB).verdict for version in ("", "alpha@1", "beta@1")} == {verdict}


def met(*times: int) -> list[Cell]:
    """Alpha's sessions with each of the others, and one session between all of these, so that they are there."""
    return [cell(n, versions=("alpha@1", other)) for n, other in zip(times, OTHERS, strict=False) if n]


def pool(size: int) -> list[Cell]:
    return [cell(versions=(OTHERS[0], OTHERS[number])) for number in range(1, size)]


@pytest.mark.parametrize(
    ("most", "verdict"), [(14, Verdict.WITHIN), (15, Verdict.WATCH), (19, Verdict.WATCH), (20, Verdict.REVIEW)]
)
def test_one_opponent_s_share_among_ten(most: int, verdict: Verdict) -> None:
    """Ten opponents have 10 % each if drawn evenly: to watch is 15 %, to review 20 %."""
    rest = [8, *[(92 - most) // 8] * 8]
    rest[0] += 100 - most - sum(rest)
    found = of(shares([*met(most, *rest), *pool(10)], least=LEAST), "alpha@1", By.OPPONENT)
    assert found.counted == 100
    assert (found.source, found.verdict) == (OTHERS[0], verdict)


def test_few_opponents_have_large_shares_however_they_are_drawn() -> None:
    assert pair_limits(100) == OPPONENT
    assert pair_limits(12).watch == pytest.approx(0.125)
    assert pair_limits(5).watch == pytest.approx(0.3)
    assert pair_limits(5).review == pytest.approx(0.4)
    even = of(shares([*met(20, 20, 20, 20, 20), *pool(5)], least=LEAST), "alpha@1", By.OPPONENT)
    assert even.verdict is Verdict.WITHIN
    uneven = of(shares([*met(40, 15, 15, 15, 15), *pool(5)], least=LEAST), "alpha@1", By.OPPONENT)
    assert uneven.verdict is Verdict.REVIEW


def test_one_who_was_kept_from_the_others_is_seen() -> None:
    """What counts is whom it could have met, not whom it met."""
    found = of(shares([*met(30), *pool(10)], least=LEAST), "alpha@1", By.OPPONENT)
    assert (found.share, found.limits, found.verdict) == (1, pair_limits(10), Verdict.REVIEW)


def test_where_there_is_one_other_nothing_can_be_told_of_opponents() -> None:
    found = shares([cell(50)], least=LEAST)
    assert of(found, "alpha@1", By.OPPONENT).verdict is Verdict.UNTOLD
    assert of(found, "", By.PAIR).verdict is Verdict.UNTOLD


def test_versions_for_other_robots_are_no_opponents() -> None:
    others = [cell(50, versions=("gamma@1", "delta@1"), robot=2), cell(50, versions=("gamma@1", "zeta@1"), robot=2)]
    found = shares([cell(50), *others], least=LEAST)
    assert of(found, "alpha@1", By.OPPONENT).verdict is Verdict.UNTOLD
    assert of(found, "gamma@1", By.OPPONENT).limits == pair_limits(2)
    assert of(found, "", By.PAIR).limits == pair_limits(1 + 3)


def test_a_pair_is_one_whichever_side_they_stood_on() -> None:
    found = shares(
        [cell(30), cell(30, versions=("beta@1", "alpha@1")), cell(40, versions=("alpha@1", "gamma@1"))], least=LEAST
    )
    pair = of(found, "", By.PAIR)
    assert (pair.source, pair.sessions, pair.counted) == ("alpha@1 and beta@1", 60, 100)
    assert of(found, "beta@1", By.OPPONENT).sessions == 60


def test_only_counted_sessions_have_shares() -> None:
    left_out = [
        cell(90, evaluator="other", left_out="excluded_by_steward"),
        cell(90, evaluator="other", versions=("alpha@1", "alpha@1"), left_out="same_policy"),
        cell(90, evaluator="other", outcome=Outcome.ABANDONED, reason="no_time"),
    ]
    assert shares(left_out, least=LEAST) == []
    found = shares([cell(20), *left_out], least=LEAST)
    assert {(one.sessions, one.counted) for one in found} == {(20, 20)}


def test_those_who_are_not_named_are_not_one() -> None:
    nobody = of(shares([cell(30, evaluator="")], least=LEAST), "", By.EVALUATOR)
    assert (nobody.source, nobody.sessions, nobody.counted, nobody.verdict) == ("", 0, 30, Verdict.UNTOLD)
    somebody = of(shares([cell(30, evaluator=""), cell(10)], least=LEAST), "", By.EVALUATOR)
    assert (somebody.source, somebody.share, somebody.verdict) == ("amber-fox", 0.25, Verdict.WATCH)


def test_the_worst_come_first_and_equal_ones_by_name() -> None:
    cells = [cell(10, lab="b"), cell(10, lab="a"), cell(5, versions=("gamma@1", "zeta@1"))]
    found = shares(cells, least=LEAST)
    order = [concentration.SEVERITY[one.verdict] for one in found]
    assert order == sorted(order)
    assert found[-1].verdict is Verdict.UNTOLD
    assert of(found, "alpha@1", By.LAB).source == "a"


@pytest.mark.parametrize(
    ("valid", "assigned", "verdict"),
    [
        (14, 20, Verdict.WITHIN),
        (13, 20, Verdict.WATCH),
        (699, 1000, Verdict.WATCH),
        (700, 1000, Verdict.WITHIN),
        (0, 19, Verdict.UNTOLD),
        (0, 20, Verdict.WATCH),
    ],
)
def test_completion_at_its_threshold(valid: int, assigned: int, verdict: Verdict) -> None:
    assert (COMPLETION_BELOW, COMPLETION_FROM) == (0.7, 20)
    given_up = cell(assigned - valid, outcome=Outcome.ABANDONED, reason="no_time")
    (lab,) = completion.of_labs([cell(valid), given_up])
    assert (lab.assigned, lab.rate, lab.verdict) == (assigned, valid / assigned, verdict)


def test_what_became_of_the_assigned_by_lab_and_by_version() -> None:
    cells = [
        cell(6),
        cell(1, left_out="excluded_by_steward"),
        cell(2, outcome=Outcome.NOT_VALID, reason="robot_fault"),
        cell(3, outcome=Outcome.ABANDONED, reason="no_time", lab="lab-2"),
        cell(1, outcome=Outcome.ABANDONED, reason="evaluator_left", lab="lab-2"),
        cell(4, outcome=Outcome.EXPIRED, reason="lease_expired", versions=("alpha@1", "alpha@1")),
    ]
    everything = completion.of_all(cells)
    assert (everything.assigned, everything.valid, everything.expired) == (17, 7, 4)
    assert everything.not_valid == {"robot_fault": 2}
    assert list(everything.abandoned.items()) == [("no_time", 3), ("evaluator_left", 1)]
    labs = {one.name: one for one in completion.of_labs(cells)}
    assert (labs["lab-1"].assigned, labs["lab-2"].assigned, labs["lab-2"].rate) == (13, 4, 0)
    versions = {one.name: one.assigned for one in completion.of_versions(cells)}
    assert versions == {"alpha@1": 17, "beta@1": 13}
    pairs = {one.name: (one.assigned, one.valid) for one in completion.of_pairs(cells)}
    assert pairs == {"alpha@1 and beta@1": (13, 7), "alpha@1 and alpha@1": (4, 0)}


def test_completion_of_evaluators_and_pairs() -> None:
    cells = [
        cell(30, evaluator="amber-fox"),
        cell(20, evaluator="blue-hen", lab="lab-2", versions=("beta@1", "alpha@1")),
        cell(15, evaluator="blue-hen", outcome=Outcome.ABANDONED, reason="no_time", versions=("beta@1", "gamma@1")),
        cell(6, evaluator="blue-hen", outcome=Outcome.EXPIRED, reason="lease_expired", versions=("gamma@1", "beta@1")),
        cell(50, evaluator="", outcome=Outcome.EXPIRED, reason="lease_expired"),
    ]
    found = [(one.name, one.valid, one.assigned, one.verdict) for one in completion.of_evaluators(cells)]
    assert found == [("blue-hen", 20, 41, Verdict.WATCH), ("amber-fox", 30, 30, Verdict.WITHIN)]
    pairs = [(one.name, one.valid, one.assigned, one.verdict) for one in completion.of_pairs(cells)]
    assert pairs == [("beta@1 and gamma@1", 0, 21, Verdict.WATCH), ("alpha@1 and beta@1", 50, 100, Verdict.WATCH)]


def test_without_sessions_nothing_can_be_told() -> None:
    nothing = completion.of_all([])
    assert (nothing.assigned, nothing.rate, nothing.verdict) == (0, None, Verdict.UNTOLD)
    assert shares([], least=LEAST) == []


def test_the_lowest_completion_comes_first() -> None:
    bad = replace(cell(20, lab="bad"), outcome=Outcome.EXPIRED)
    found = completion.of_labs([cell(20, lab="good"), bad, cell(5, lab="few")])
    assert [one.name for one in found] == ["bad", "good", "few"]


@pytest.mark.parametrize(
    ("move", "changes", "labs", "verdict"),
    [
        (0.99, False, 2, Verdict.WITHIN),
        (0.99, True, 2, Verdict.WATCH),
        (1.0, False, 2, Verdict.WATCH),
        (2.0, True, 2, Verdict.REVIEW),
        (9.0, True, 1, Verdict.UNTOLD),
    ],
)
def test_what_the_order_owes_to_a_lab(move: float, changes: bool, labs: int, verdict: Verdict) -> None:
    assert influence_verdict(move, changes_leader=changes, labs=labs) is verdict
