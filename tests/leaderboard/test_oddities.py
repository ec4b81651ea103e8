"""What does not fit is kept until a steward has looked, with all that was said of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from arena.errors import ArenaError, Conflict, NotFound
from arena.models import AuditEvent
from evaluations.models import Exclusion
from evaluations.scopes import REAL
from leaderboard import oddities
from leaderboard.models import Oddity
from leaderboard.oddity_checks import Check, Finding, Look
from tests.factories import Arena, finish_session, make_steward, open_session


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
