"""A write that is repeated with the same key is carried out once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from arena.api import idempotency
from arena.models import ApiWrite, AuditEvent, Role
from evaluations import assignments
from evaluations.models import Photo, Session
from tests.api.conftest import Api, code, in_browser, with_key
from tests.api.test_sessions import picture
from tests.factories import Arena, make_arena, open_session


def body(arena: Arena, instruction: str = "put the cup on the plate") -> dict[str, Any]:
    return {"station": arena.station.pk, "instruction": instruction}


def test_a_repeat_is_given_the_first_answer(arena: Arena, dana: Api) -> None:
    first, again = (dana.post("sessions", body(arena), once="one") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert "Idempotent-Replay" not in first
    assert again["Idempotent-Replay"] == "true"
    assert Session.objects.count() == 1


def test_no_token_of_the_relay_is_kept_with_an_answer(arena: Arena, dana: Api) -> None:
    first = dana.post("sessions", body(arena), once="one").json()
    token = first["sides"]["A"]["relay_url"].rpartition("/")[2]
    assert len(token) > 20
    assert token not in str(ApiWrite.objects.get().body)
    assert dana.post("sessions", body(arena), once="one").json() == first
    ended = dana.post(f"sessions/{first['id']}/abandon", {"reason": "no_time"}, once="two").json()
    assert dana.post(f"sessions/{first['id']}/abandon", {"reason": "no_time"}, once="two").json() == ended


def test_without_a_key_nothing_is_kept(arena: Arena, dana: Api) -> None:
    dana.post("sessions", body(arena))
    assert not ApiWrite.objects.exists()


def test_another_request_with_the_same_key_is_a_mistake(arena: Arena, dana: Api) -> None:
    dana.post("sessions", body(arena), once="one")
    assert code(dana.post("sessions", body(arena, "another"), once="one")) == (409, "idempotency_key_reused")
    at = f"sessions/{Session.objects.get().pk}/extend"
    assert code(dana.post(at, {}, once="one")) == (409, "idempotency_key_reused")


def test_keys_are_a_persons_own(arena: Arena, dana: Api) -> None:
    dana.post("sessions", body(arena), once="one")
    other = make_arena()
    assert with_key(other.dana, other.lab).post("sessions", body(other), once="one").status_code == 201


def test_the_answer_stays_in_the_lab_of_the_key(arena: Arena, dana: Api) -> None:
    other = make_arena()
    other.lab.memberships.create(person=arena.dana, role=Role.EVALUATOR)
    dana.post("sessions", body(arena), once="one")
    elsewhere = with_key(arena.dana, other.lab)
    assert code(elsewhere.post("sessions", body(arena), once="one")) == (409, "idempotency_key_reused")


def test_what_was_refused_may_be_mended_with_the_same_key(arena: Arena, dana: Api) -> None:
    assert code(dana.post("sessions", body(arena) | {"rubric": [{}]}, once="one")) == (400, "invalid_input")
    assert dana.post("sessions", body(arena), once="one").status_code == 201


def test_a_failure_of_ours_frees_the_key(arena: Arena, dana: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> Session:
        raise RuntimeError("the disk is on fire")

    with monkeypatch.context() as patch:
        patch.setattr(assignments, "open_session", broken)
        assert code(dana.post("sessions", body(arena), once="one")) == (500, "internal_error")
    assert dana.post("sessions", body(arena), once="one").status_code == 201


def test_what_is_done_and_what_is_answered_are_kept_together_or_not_at_all(
    arena: Arena, dana: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("cut short before the answer was kept")

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "_kept", broken)
        assert code(dana.post("sessions", body(arena), once="one")) == (500, "internal_error")
    assert not Session.objects.exists()
    assert not ApiWrite.objects.exists()


@pytest.mark.parametrize("key", ["", "x" * 81, "tab\there", "ü"])
def test_what_is_no_key(arena: Arena, dana: Api, key: str) -> None:
    assert code(dana.post("sessions", body(arena), once=key)) == (400, "bad_idempotency_key")


def test_one_that_still_runs_is_waited_for_until_it_must_have_been_cut_short(arena: Arena, dana: Api) -> None:
    first = dana.post("sessions", body(arena), once="one")
    ApiWrite.objects.update(status=None, body=None)
    assert code(dana.post("sessions", body(arena), once="one")) == (409, "idempotency_in_progress")
    ApiWrite.objects.update(created_at=timezone.now() - idempotency.ABANDONED - timedelta(seconds=1))
    again = dana.post("sessions", body(arena), once="one")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])  # opened before, and found again


def test_files_are_compared_by_what_is_in_them(arena: Arena, dana: Api) -> None:
    at = f"sessions/{open_session(arena).pk}/photos"
    first = dana.upload(at, {"moment": "start", "photo": picture()}, once="one")
    again = dana.upload(at, {"moment": "start", "photo": picture()}, once="one")
    assert (first.status_code, again.json()) == (201, first.json())
    assert Photo.objects.count() == 1
    other = dana.upload(at, {"moment": "restored", "photo": picture()}, once="one")
    assert code(other) == (409, "idempotency_key_reused")


def test_a_deletion_is_answered_alike(arena: Arena) -> None:
    admin = arena.lab.memberships.get(person=arena.dana)
    admin.role = Role.ADMIN
    admin.save()
    browser = in_browser(arena.dana)
    for _ in range(2):
        answer = browser.delete(f"client-keys/{arena.key.pk}", once="gone")
        assert (answer.status_code, answer.content) == (204, b"")
    assert AuditEvent.objects.filter(tag="key:revoked").count() == 1


def test_answers_are_forgotten_after_two_days(arena: Arena, dana: Api) -> None:
    dana.post("sessions", body(arena), once="one")
    now = timezone.now()
    assert idempotency.sweep(now=now + idempotency.KEPT - timedelta(minutes=1)) == 0
    assert idempotency.sweep(now=now + idempotency.KEPT + timedelta(minutes=1)) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_many_at_once_with_one_key_do_it_once() -> None:
    arena = make_arena()
    admin = arena.lab.memberships.get(person=arena.dana)
    admin.role = Role.ADMIN
    admin.save()
    secret = with_key(arena.dana, arena.lab, ["manage"]).secret
    start = threading.Barrier(8)
    answers: list[tuple[int, Any]] = []

    def ask() -> None:
        from django.test import Client

        start.wait()
        answer = Api(Client(), secret).post(
            f"labs/{arena.lab.slug}/stations", {"name": "one", "cameras": ["left"]}, once="same"
        )
        answers.append((answer.status_code, answer.json()))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [body for status, body in answers if status == 201]
    refused = [body["error"]["code"] for status, body in answers if status != 201]
    assert made
    assert all(one == made[0] for one in made)
    assert set(refused) <= {"idempotency_in_progress"}
    assert arena.lab.stations.filter(name="one").count() == 1
