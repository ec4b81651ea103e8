"""Stewards see what waits and what failed, for whom, and what they may do about it."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from arena.models import AuditEvent
from reports import providers, work
from reports.models import Work
from tests.factories import Arena, finish_session, make_steward, open_session
from tests.reports.speaking import Speaker

pytestmark = pytest.mark.django_db
REPORT = Work.Kind.WRITE_REPORT


@pytest.fixture
def eve(client: Client) -> Client:
    client.force_login(make_steward())
    return client


@pytest.fixture
def seer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_registry", lambda: (Speaker([]),))


def failed(subject: str, kind: Work.Kind = REPORT) -> Work:
    now = timezone.now()
    piece = work.take(work_id=work.ask(kind=kind, subject=subject, now=now).pk, now=now)
    assert piece is not None
    work.fail(piece, now=now, reason="It answers with nothing that fits.")
    return piece


def read(client: Client, state: str = "failed") -> str:
    return client.get(f"/review/work?state={state}").content.decode()


def test_what_failed_is_told_with_its_reason_and_for_whom(arena: Arena, eve: Client) -> None:
    first, second, _ = arena.versions
    session = finish_session(open_session(arena, "fold the towel"))
    Work.objects.update(state=Work.State.SKIPPED, ended_at=timezone.now())
    failed(f"{first.label} {second.label}")
    failed(str(session.pk), Work.Kind.TAG_SESSION)
    failed("gone@1")
    page = read(eve)
    assert page.count("It answers with nothing that fits.") == 3
    assert f'href="/compare/{first.label}/{second.label}/report"' in page
    assert arena.owners.name in page
    assert f'href="/sessions/{session.pk}">fold the towel' in page
    assert "Background work (3)" in page


def test_it_is_tried_again_by_another_provider(arena: Arena, eve: Client, seer: None) -> None:
    piece = failed(arena.versions[0].label)
    answer = eve.post(f"/review/work/{piece.pk}/retry", {f"{piece.pk}-provider": "seer"})
    assert answer.status_code == 302
    piece.refresh_from_db()
    assert (piece.state, piece.provider, piece.attempts) == (Work.State.WAITING, "seer", 0)
    assert AuditEvent.objects.filter(tag="work:retried").exists()


def test_an_unknown_provider_is_not_taken(arena: Arena, eve: Client) -> None:
    piece = failed(arena.versions[0].label)
    answer = eve.post(f"/review/work/{piece.pk}/retry", {f"{piece.pk}-provider": "seer"})
    assert answer.status_code == 400
    piece.refresh_from_db()
    assert piece.state == Work.State.FAILED


def test_it_is_skipped_with_a_comment_only(arena: Arena, eve: Client) -> None:
    piece = failed(arena.versions[0].label)
    answer = eve.post(f"/review/work/{piece.pk}/skip", {f"{piece.pk}-comment": " "})
    assert (answer.status_code, "This field is required." in answer.content.decode()) == (400, True)
    answer = eve.post(f"/review/work/{piece.pk}/skip", {f"{piece.pk}-comment": "the policy is gone"})
    assert answer.status_code == 302
    assert "the policy is gone" in read(eve, "skipped").replace("The policy", "the policy")


def test_what_was_taken_meanwhile_is_left_alone(arena: Arena, eve: Client) -> None:
    now = timezone.now()
    piece = work.ask(kind=REPORT, subject=arena.versions[0].label, now=now)
    taken = work.take(work_id=piece.pk, now=now)
    assert taken is not None
    assert "Skip it" not in read(eve, "running")
    answer = eve.post(f"/review/work/{piece.pk}/skip", {f"{piece.pk}-comment": "no"})
    assert answer.status_code == 409
    assert "It is done, or it runs." in answer.content.decode()


def test_it_is_read_in_a_fixed_number_of_queries(arena: Arena, eve: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        failed(f"{arena.versions[number % 3].label} other{number}@1")
    with django_assert_max_num_queries(20):
        read(eve)


def test_an_unknown_one_is_not_there(eve: Client) -> None:
    answer = eve.post("/review/work/00000000-0000-4000-8000-000000000000/retry")
    assert answer.status_code == 404
