"""What does not fit: found where it is there, seldom where it is not, kept until somebody has looked."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from arena.errors import ArenaError, Conflict, NotFound
from arena.models import AuditEvent
from evaluations.models import Exclusion
from evaluations.scopes import REAL
from leaderboard import oddities, ranking
from leaderboard.models import Oddity
from leaderboard.oddities import FALSE_ALARM, MIN_SESSIONS, Check, Finding, Look, of_sessions, unexplained
from tests.factories import Arena, finish_session, make_steward, open_session
from tests.leaderboard.ranking.samples import simulate

LABS, EACH = 6, 60


def honest(rng: np.random.Generator, lab: str) -> dict[str, Any]:
    """A session of a lab that does its work: preference follows progress, and one in ten is given up for no reason."""
    difference = float(rng.normal(0, 0.4))
    wrong = rng.random() < 0.05
    return {
        "lab": lab,
        "evaluator": f"{lab}-e{rng.integers(2)}",
        "versions": [f"p{version}@1" for version in rng.choice(8, size=2, replace=False)],
        "abandoned": rng.random() < 0.1,
        "valid": True,
        "seconds": float(rng.uniform(200, 900)),
        "preference": "A" if (difference > 0) != wrong else "B",
        "difference": difference,
        "same_policy": rng.random() < 0.1,
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
    rows = [row | {"abandoned": row["lab"] == "lab-0" and "p3@1" in row["versions"]} for row in rows_of(1)]
    assert ("lab-0", Check.ABANDONED) in found(rows)
    look = Look(of_sessions(rows, simulated=False))
    assert {one.about for one in look.to_review if one.name == "lab-0"} == {"p3@1"}


def test_who_contradicts_their_own_figures_is_found() -> None:
    rows = [
        row | {"preference": "A" if row["difference"] < 0 else "B"} if row["evaluator"] == "lab-0-e1" else row
        for row in rows_of(2)
    ]
    assert ("lab-0-e1", Check.CONTRADICTION) in found(rows)


def test_who_prefers_a_side_of_one_policy_is_found() -> None:
    assert ("lab-0", Check.SAME_POLICY) in found(of_lab_0(rows_of(3), same_policy=True, preference="A"))


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


@pytest.fixture
def odd(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> Oddity:
    """One that the sweep has written down."""
    finding = Finding("lab", arena.lab.slug, Check.QUICK, 40, 0.9, 1e-9)
    monkeypatch.setattr(oddities, "look", lambda scope: Look([finding] if scope is REAL else []))
    assert oddities.write(now=timezone.now()) == 1
    return Oddity.objects.get()


def test_a_second_look_opens_no_second_one(odd: Oddity) -> None:
    later = timezone.now() + timedelta(hours=1)
    assert oddities.write(now=later) == 0
    again = Oddity.objects.get()
    assert (again.first_seen, again.last_seen) == (odd.first_seen, later)


def test_one_that_was_looked_at_stays_so_until_it_gets_much_worse(odd: Oddity, monkeypatch: pytest.MonkeyPatch) -> None:
    eve = make_steward()
    oddities.look_at(oddity_id=odd.pk, comment="The robot is fast.", by=eve, now=timezone.now())
    assert oddities.write(now=timezone.now()) == 0
    assert AuditEvent.objects.get(tag="oddity:looked_at").person == eve
    with pytest.raises(Conflict):
        oddities.look_at(oddity_id=odd.pk, comment="Again.", by=eve, now=timezone.now())
    worse = Finding(odd.kind, odd.name, Check.QUICK, 80, 1.0, 1e-15)
    monkeypatch.setattr(oddities, "look", lambda scope: Look([worse] if scope is REAL else []))
    assert oddities.write(now=timezone.now()) == 1
    assert Oddity.objects.get().looked_at is None
    assert not Exclusion.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_write_one_oddity(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = Finding("lab", "a-lab", Check.QUICK, 40, 0.9, 1e-9)
    monkeypatch.setattr(oddities, "look", lambda scope: Look([finding] if scope is REAL else []))

    def work(_: Any) -> int:
        try:
            return oddities.write(now=timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 1
    assert Oddity.objects.count() == 1


def test_a_look_needs_words(odd: Oddity) -> None:
    eve = make_steward()
    with pytest.raises(ArenaError, match="Say what you found"):
        oddities.look_at(oddity_id=odd.pk, comment="  ", by=eve, now=timezone.now())
    with pytest.raises(NotFound):
        oddities.look_at(oddity_id=0, comment="x", by=eve, now=timezone.now())


def test_the_steward_s_page(client: Client, odd: Oddity) -> None:
    client.force_login(make_steward())
    page = client.get("/review/oddities").content.decode()
    assert "ends sessions faster than two rollouts can be run" in page
    assert f"overall.without-lab.{odd.name}" in page
    assert client.post(f"/review/oddities/{odd.pk}/look", {"comment": ""}).status_code == 400
    assert client.post(f"/review/oddities/{odd.pk}/look", {"comment": "Asked; all is well."}).status_code == 302
    page = client.get("/review/oddities").content.decode()
    assert "Nothing waits for a look." in page
    assert "Asked; all is well." in page


def test_nobody_else_sees_it(client: Client, odd: Oddity, arena: Arena) -> None:
    client.force_login(arena.dana)
    assert client.get("/review/oddities").status_code == 403
    assert client.post(f"/review/oddities/{odd.pk}/look", {"comment": "x"}).status_code == 403


def test_real_sessions_are_read(arena: Arena) -> None:
    for number in range(3):
        finish_session(open_session(arena, f"task {number}"))
    look = oddities.look(REAL)
    assert {one.name for one in look.could_not} >= {arena.lab.slug, arena.dana.pseudonym}
    assert look.to_review == []


def test_the_document_tells_the_thresholds() -> None:
    told = (settings.BASE_DIR / "docs" / "integrity.md").read_text()
    for text in (
        f"{oddities.MIN_SESSIONS} sessions",
        f"{oddities.MIN_ABANDONED} given up",
        f"{oddities.MIN_SAME_POLICY} such sessions",
        f"{100 * oddities.QUICK_SHARE:.0f} % of its valid sessions end within {oddities.QUICK_S} s",
        f"{100 * oddities.CLEAR_DIFFERENCE:.0f} points",
        f"{oddities.ROUGHNESS} times what is expected",
        f"more than {oddities.HABIT} standard deviations",
        f"over {100 * oddities.CARELESSNESS:.0f} % more of such sessions",
        f"{100 * FALSE_ALARM:.0f} % divided by the number of checks",
    ):
        assert text in told
    assert all(f"| {check.value} |" in told for check in Check)
