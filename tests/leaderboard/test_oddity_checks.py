"""The checks: what is odd is found, honest labs with their habits seldom raise an alarm. No database."""

from dataclasses import replace
from typing import Any

import numpy as np
from django.conf import settings

from leaderboard import oddity_checks, ranking
from leaderboard.oddity_checks import (
    FALSE_ALARM,
    MIN_ROLLOUTS,
    MIN_SAME_POLICY,
    MIN_SESSIONS,
    SIDE_SHARE,
    Check,
    Look,
    exceeds,
    of_sessions,
    pair_unexplained,
    unexplained,
)
from leaderboard.ranking.review import PairResidual
from tests.leaderboard.ranking.samples import simulate

LABS, EACH = 6, 60


def honest(rng: np.random.Generator, lab: str) -> dict[str, Any]:
    """A session of a lab that does its work: preference follows progress, and one in ten is given up for no reason."""
    difference = float(rng.normal(0, 0.4))
    wrong = rng.random() < 0.05
    versions = [f"p{version}@1" for version in rng.choice(8, size=2, replace=False)]
    return {
        "id": f"session {rng.integers(1 << 60)}",
        "lab": lab,
        "evaluator": f"{lab}-e{rng.integers(2)}",
        "versions": versions,
        "given_up": rng.random() < 0.1,
        "valid": True,
        "seconds": float(rng.uniform(200, 900)),
        "preference": "A" if (difference > 0) != wrong else "B",
        "difference": difference,
        "same_policy": rng.random() < 0.1,
        "failed": [(version, int(rng.lognormal(6, 0.4))) for version in versions if rng.random() < 0.6],
    }


def rows_of(seed: int, labs: int = LABS) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [honest(rng, f"lab-{lab}") for lab in range(labs) for _ in range(EACH)]


def found(rows: list[dict[str, Any]]) -> set[tuple[str, Check]]:
    return {(one.name, one.check) for one in Look(of_sessions(rows, simulated=False)).to_review}


def test_honest_labs_seldom_raise_an_alarm() -> None:
    runs = 150
    alarms = sum(bool(found(rows_of(seed))) for seed in range(runs))
    assert alarms / runs <= FALSE_ALARM + 3 * (FALSE_ALARM * (1 - FALSE_ALARM) / runs) ** 0.5


def test_the_model_s_checks_seldom_raise_an_alarm_either() -> None:
    runs, alarms = 60, 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        data = simulate(
            rng,
            theta=rng.normal(0, 0.7, 6),
            labs=LABS,
            n=LABS * EACH,
            lnu=rng.normal(-1, 0.8, LABS),
            policy_by_lab_sd=0.3,
        )
        review = ranking.review(data, model="davidson")
        look = Look([finding for lab in review.labs for finding in unexplained("lab", lab)])
        alarms += bool(look.to_review)
    assert alarms / runs <= FALSE_ALARM + 3 * (FALSE_ALARM * (1 - FALSE_ALARM) / runs) ** 0.5


def of_lab_0(rows: list[dict[str, Any]], **changes: Any) -> list[dict[str, Any]]:
    return [row | changes if row["lab"] == "lab-0" else row for row in rows]


def test_who_is_too_fast_is_found() -> None:
    assert ("lab-0", Check.QUICK) in found(of_lab_0(rows_of(0), seconds=40.0))
    assert not {check for _, check in found(rows_of(0))} & {Check.QUICK}


def test_time_says_nothing_in_simulation() -> None:
    look = Look(of_sessions(of_lab_0(rows_of(0), seconds=1.0), simulated=True))
    assert all(one.check is not Check.QUICK for one in look.to_review)
    assert {one.why_not for one in look.could_not if one.check is Check.QUICK} == {
        "simulated rollouts take no robot's time"
    }


def test_who_gives_up_unwelcome_policies_is_found() -> None:
    rows = [row | {"given_up": row["lab"] == "lab-0" and "p3@1" in row["versions"]} for row in rows_of(1)]
    assert ("lab-0", Check.GIVEN_UP) in found(rows)
    look = Look(of_sessions(rows, simulated=False))
    assert {one.about for one in look.to_review if one.name == "lab-0"} == {"p3@1"}


def test_who_contradicts_their_own_figures_is_found() -> None:
    rows = [
        row | {"preference": "A" if row["difference"] < 0 else "B"} if row["evaluator"] == "lab-0-e1" else row
        for row in rows_of(2) + rows_of(20)
    ]
    assert ("lab-0-e1", Check.CONTRADICTION) in found(rows)


def same_policy(rng: np.random.Generator, lab: str, *, n: int, apart: float, a: float) -> list[dict[str, Any]]:
    """Sessions of one policy with itself, told apart and called for A so often."""
    rows = [honest(rng, lab) | {"same_policy": True, "given_up": False} for _ in range(n)]
    return [row | {"preference": ("A" if rng.random() < a else "B") if rng.random() < apart else "TIE"} for row in rows]


def test_a_side_habit_within_the_allowance_seldom_raises_an_alarm() -> None:
    """Every lab calls A in 65 of 100, which is as far as a habit goes."""
    alarms = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        rows = [row for lab in range(5) for row in same_policy(rng, f"lab-{lab}", n=60, apart=0.8, a=SIDE_SHARE)]
        look = Look([one for one in of_sessions(rows, simulated=False) if one.check is Check.SAME_POLICY_SIDE])
        alarms += bool(look.to_review)
        assert look.made >= 5
    assert alarms <= 5


def test_habits_of_telling_one_policy_from_itself_seldom_raise_an_alarm() -> None:
    """One lab has three times everybody else's odds, which is as far as a habit goes."""
    alarms = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        rows = [row for lab in range(5) for row in same_policy(rng, f"lab-{lab}", n=30, apart=0.4, a=0.5)]
        rows += same_policy(rng, "lab-odd", n=30, apart=2 / 3, a=0.5)
        look = Look([one for one in of_sessions(rows, simulated=False) if one.check is Check.SAME_POLICY])
        alarms += bool(look.to_review)
    assert alarms <= 10


def test_who_prefers_a_side_of_one_policy_is_found() -> None:
    rng = np.random.default_rng(3)
    rows = [row for lab in range(5) for row in same_policy(rng, f"lab-{lab}", n=40, apart=0.5, a=0.5)]
    rows += same_policy(rng, "lab-odd", n=80, apart=0.5, a=0.97)
    assert found(rows) & {("lab-odd", Check.SAME_POLICY_SIDE), ("lab-odd", Check.SAME_POLICY)} == {
        ("lab-odd", Check.SAME_POLICY_SIDE)
    }


def test_who_tells_one_policy_from_itself_is_found_whichever_side_is_preferred() -> None:
    rng = np.random.default_rng(4)
    rows = [row for lab in range(5) for row in same_policy(rng, f"lab-{lab}", n=40, apart=0.3, a=0.5)]
    rows += same_policy(rng, "lab-odd", n=40, apart=0.97, a=0.5)
    assert found(rows) & {("lab-odd", Check.SAME_POLICY_SIDE), ("lab-odd", Check.SAME_POLICY)} == {
        ("lab-odd", Check.SAME_POLICY)
    }


def test_where_nobody_else_met_one_policy_twice_it_could_not_be_checked() -> None:
    rows = same_policy(np.random.default_rng(5), "lab-0", n=40, apart=1.0, a=0.5)
    whys = {one.why_not for one in of_sessions(rows, simulated=False) if one.check is Check.SAME_POLICY}
    assert f"fewer than {MIN_SAME_POLICY} such sessions of everybody else" in whys


def cut_short(rows: list[dict[str, Any]], lab: str, version: str) -> list[dict[str, Any]]:
    return [
        row | {"failed": [(one, 40 if (row["lab"], one) == (lab, version) else steps) for one, steps in row["failed"]]}
        for row in rows
    ]


def test_who_cuts_the_rollouts_of_one_policy_short_is_found() -> None:
    rows = cut_short([row for seed in (6, 7, 8) for row in rows_of(seed)], "lab-0", "p2@1")
    assert ("lab-0", Check.SHORT) in found(rows)
    (one,) = (
        one for one in Look(of_sessions(rows, simulated=True)).to_review if one.name == "lab-0" and one.kind == "lab"
    )
    assert (one.about, one.figure) == ("p2@1", 1.0)
    concerned = {row["id"] for row in rows if row["lab"] == "lab-0" and "p2@1" in dict(row["failed"])}
    assert set(one.sessions) == concerned


def test_one_lab_alone_cannot_be_asked_for_short_rollouts() -> None:
    rows = [row for row in rows_of(6) if row["lab"] == "lab-0"]
    (one,) = (one for one in of_sessions(rows, simulated=False) if one.kind == "lab" and one.check is Check.SHORT)
    assert one.p is None
    assert one.why_not.startswith(f"fewer than {MIN_ROLLOUTS} rollouts")


def test_odds_within_the_allowance_have_the_chance_that_simulation_gives() -> None:
    """Own odds three times the others': a figure with a chance of 5 % comes in at most 5 % of cases."""
    rng = np.random.default_rng(9)
    chances = [exceeds(int(rng.binomial(30, 0.5)), 30, int(rng.binomial(100, 0.25)), 100) for _ in range(2000)]
    assert 0.02 <= np.mean(np.array(chances) <= 0.05) <= 0.06


def test_a_pair_that_the_model_does_not_explain_is_found() -> None:
    pair = PairResidual("p@1", "q@1", n=60, wins=55, ties=0, losses=5, expected_wins=30, expected_ties=0, z=6.6)
    one = pair_unexplained(pair)
    assert (one.kind, one.name) == ("pair", "p@1 against q@1")
    assert one.p is not None
    assert one.p < 1e-4
    assert pair_unexplained(replace(pair, n=MIN_SESSIONS - 1)).p is None


def test_a_habit_of_ties_is_found_in_the_model_s_figures() -> None:
    source = ranking.review(
        simulate(np.random.default_rng(0), theta=np.zeros(4), labs=3, n=900, lnu=np.array([3.0, -1.0, -1.0])),
        model="davidson",
        settings=ranking.DavidsonSettings(lab_tie_sd=0.0, lab_tie_estimated=False),
    ).labs[0]
    (p,) = (one.p for one in unexplained("lab", source) if one.check is Check.TIES)
    assert p is not None
    assert p < 1e-6


def test_what_cannot_be_checked_is_said_and_excludes_nothing() -> None:
    few = [row for row in rows_of(0) if row["lab"] == "lab-0"][: MIN_SESSIONS - 1]
    look = Look(of_sessions(few, simulated=False))
    assert look.to_review == []
    assert {one.why_not for one in look.could_not} >= {f"fewer than {MIN_SESSIONS} sessions"}


def test_the_documents_tell_the_thresholds() -> None:
    told = (settings.BASE_DIR / "docs" / "integrity.md").read_text()
    for text in (
        f"{oddity_checks.MIN_SESSIONS} sessions",
        f"{oddity_checks.MIN_GIVEN_UP} given up",
        f"{oddity_checks.MIN_SAME_POLICY} such sessions",
        f"{oddity_checks.MIN_ROLLOUTS} rollouts",
        f"{100 * oddity_checks.QUICK_SHARE:.0f} % of its valid sessions end within {oddity_checks.QUICK_S} s",
        f"{100 * oddity_checks.CLEAR_DIFFERENCE:.0f} points",
        f"{oddity_checks.ROUGHNESS} times what is expected",
        f"more than {oddity_checks.HABIT} standard deviations",
        f"over {100 * oddity_checks.CARELESSNESS:.0f} % more of such sessions",
        f"{100 * oddity_checks.SIDE_SHARE:.0f} of 100",
        f"{oddity_checks.ODDS} times everybody else's",
        f"{100 * oddity_checks.SHORT:.0f} % of the steps",
        f"{100 * FALSE_ALARM:.0f} % divided by the number of checks",
    ):
        assert text in told
    assert all(f"| {check.value} |" in told for check in Check)


def test_the_method_tells_the_formulas_with_their_constants() -> None:
    told = (settings.BASE_DIR / "docs" / "method.md").read_text().partition("## What does not fit")[2]
    for text in (
        f"n < {oddity_checks.MIN_SESSIONS}",
        f"{oddity_checks.HABIT} sqrt(n)",
        f"chi² / {oddity_checks.ROUGHNESS}",
        f"Bin(n, {oddity_checks.QUICK_SHARE})",
        f"{oddity_checks.QUICK_S} s",
        f"d\\| >= {oddity_checks.CLEAR_DIFFERENCE}",
        f"Bin(n, q + {oddity_checks.CARELESSNESS})",
        f"Bin(n, {oddity_checks.SIDE_SHARE})",
        f"odds ratio {oddity_checks.ODDS}",
        f"{oddity_checks.SHORT} times the median",
        f"{FALSE_ALARM} / m",
    ):
        assert text in told
    assert all(f"| {check.value} |" in told for check in Check)
