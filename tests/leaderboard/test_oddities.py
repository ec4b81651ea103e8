"""What does not fit is kept until a steward has looked, with all that was said of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from arena.errors import ArenaError, Conflict, NotFound
from arena.models import AuditEvent
from evaluations import sessions
from evaluations.models import Exclusion, Preference
from evaluations.scopes import REAL
from evaluations.sessions import Judgement
from leaderboard import oddities, snapshots
from leaderboard.boards import Board
from leaderboard.models import Oddity, OddityLook, Snapshot
from leaderboard.oddity_checks import Check, Finding, Look
from leaderboard.oddity_views import Shown
from tests.factories import Arena, finish_session, make_steward, open_session


@pytest.fixture
def odd(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> Oddity:
    """One that the sweep has written down."""
    finding = Finding("lab", arena.lab.slug, Check.QUICK, 40, 0.9, 1e-9, bound=0.1)
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


def test_what_was_said_before_stays_when_it_is_opened_again(
    client: Client, odd: Oddity, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve, frank = make_steward(), make_steward("frank@example.org")
    oddities.look_at(oddity_id=odd.pk, comment="The robot is fast.", by=eve, now=timezone.now())
    worse = Finding(odd.kind, odd.name, Check.QUICK, 80, 1.0, 1e-15)
    monkeypatch.setattr(oddities, "look", lambda scope: Look([worse] if scope is REAL else []))
    oddities.write(now=timezone.now())
    client.force_login(frank)
    assert "The robot is fast." in client.get("/review/oddities").content.decode()
    oddities.look_at(oddity_id=odd.pk, comment="Nobody was there.", by=frank, now=timezone.now())
    said = [(one.text, one.person, one.p) for one in odd.comments.all()]
    assert said == [("The robot is fast.", eve, 1e-9), ("Nobody was there.", frank, 1e-15)]
    page = client.get("/review/oddities").content.decode()
    assert "The robot is fast." in page
    assert "Nobody was there." in page


def test_no_comment_is_changed_or_removed(odd: Oddity) -> None:
    oddities.look_at(oddity_id=odd.pk, comment="All is well.", by=make_steward(), now=timezone.now())
    for change in (lambda: odd.comments.update(text="x"), lambda: odd.comments.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_comments_of_earlier_versions_are_kept(odd: Oddity) -> None:
    eve, then = make_steward(), timezone.now()
    Oddity.objects.update(looked_by=eve, looked_at=then, looked_p=1e-8, comment="The robot is fast.")
    migration = import_module("leaderboard.migrations.0005_oddity_comments_and_looks")
    migration.keep_comments(apps, None)
    said = [(one.text, one.person, one.made_at, one.p) for one in odd.comments.all()]
    assert said == [("The robot is fast.", eve, then, 1e-8)]


def test_what_could_not_be_checked_is_kept_with_the_look(
    client: Client, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    could_not = Finding("lab", "a-lab", Check.TIES, 3, None, None, "fewer than 20 sessions")
    within = Finding("lab", "a-lab", Check.QUICK, 40, 0.0, 1.0)
    monkeypatch.setattr(oddities, "look", lambda scope: Look([could_not, within] if scope is REAL else []))
    now = timezone.now()
    oddities.write(now=now)
    cache.clear()
    assert oddities.last_look(REAL) == Look([could_not, within])
    assert OddityLook.objects.get(board="overall").made_at == now
    client.force_login(make_steward())
    page = client.get("/review/oddities").content.decode()
    assert "Overall: 1 checks made, 0 to review, 1 could not be made" in page
    assert "fewer than 20 sessions" in page


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


def test_the_page_shows_each_figure_beside_its_threshold(client: Client, odd: Oddity) -> None:
    client.force_login(make_steward())
    page = client.get("/review/oddities").content.decode()
    assert "90 %</span> (up to 10 % is nothing), in 40 sessions" in page
    assert "one in a million at most (to review below about 1 in 20)" in page


@pytest.mark.parametrize(
    ("check", "figure", "bound", "told", "allowed"),
    [
        (Check.TIES, -5.14, 1.9, "−5.1 standard errors", "±1.9 is a habit"),
        (Check.PAIR, 4.0, 2.0, "+4.0 standard errors", "±2.0 is a habit"),
        (Check.RESIDUALS, 3.2, 1.5, "3.2 times what is expected", "up to 1.5 is nothing"),
        (Check.GIVEN_UP, 0.8, 0.03, "80 %", "3 % of its others"),
        (Check.SHORT, 0.5, 0.25, "50 %", "up to 25 % is nothing"),
    ],
)
def test_figures_and_bounds_in_words(check: Check, figure: float, bound: float, told: str, allowed: str) -> None:
    shown = Shown(Oddity(check_name=check.value, figures={"figure": figure, "bound": bound}))
    assert (shown.figure, shown.allowed) == (told, allowed)


def test_one_that_was_seen_by_an_earlier_version_is_shown_too(client: Client, odd: Oddity) -> None:
    Oddity.objects.update(figures={"n": 40, "figure": 0.9, "p": 1e-9, "about": ""})
    client.force_login(make_steward())
    assert "in 40 sessions" in client.get("/review/oddities").content.decode()
    assert "the next look lists them" in client.get(f"/review/oddities/{odd.pk}/sessions").content.decode()


def test_the_link_leads_to_the_sessions_concerned_and_no_other(client: Client, arena: Arena, odd: Oddity) -> None:
    concerned, other = (finish_session(open_session(arena, f"task {number}")) for number in range(2))
    Oddity.objects.update(figures=odd.figures | {"sessions": [str(concerned.pk)]})
    client.force_login(make_steward())
    address = f"/review/oddities/{odd.pk}/sessions"
    assert f'href="{address}">1 session</a>' in client.get("/review/oddities").content.decode()
    page = client.get(address).content.decode()
    assert f"/sessions/{concerned.pk}" in page
    assert f"/sessions/{other.pk}" not in page
    assert client.get("/review/oddities/0/sessions").status_code == 404


def test_the_page_tells_how_much_the_order_owes_to_the_lab(client: Client, arena: Arena, odd: Oddity) -> None:
    for number in range(4):
        finish_session(open_session(arena, f"task {number}"))
    snapshots.recompute(board=Board(REAL), now=timezone.now())
    client.force_login(make_steward())
    page = client.get("/review/oddities").content.decode()
    (influence,) = Snapshot.objects.get().result["influence"]
    assert "100 % of the sessions; without them" in page
    assert f"{influence['of_policy']} moves by {influence['largest_move']:.1f} standard errors" in page


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


def test_a_lease_that_ran_out_counts_as_given_up_but_not_where_a_judgement_came_late(arena: Arena) -> None:
    opened = [open_session(arena, f"task {number}") for number in range(3)]
    later = timezone.now() + timedelta(days=7)
    finish_session(open_session(arena, "a fourth task"))
    sessions.expire_overdue(now=later)
    late = Judgement(preference=Preference.A, notes="", valid=True)
    sessions.submit(session=opened[0], judgement=late, now=later)
    rows = {row["id"]: row["given_up"] for row in oddities._rows(REAL)}
    assert [rows[str(session.pk)] for session in opened] == [False, True, True]
    assert sum(rows.values()) == 2
