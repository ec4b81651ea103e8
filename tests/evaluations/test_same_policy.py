"""A session with one policy on both sides, as those meet it who evaluate, read and steward."""

from collections.abc import Iterator

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from evaluations import guesses, sessions
from evaluations.models import Label, Preference, RelayConnection, Session, State
from evaluations.pairing import DrawKind
from evaluations.relay.routes import Route
from evaluations.relay_directory import find_route
from evaluations.scopes import REAL
from evaluations.sessions import Judgement
from tests.arena.conftest import as_person
from tests.evaluations.evaluate.forms import address
from tests.evaluations.roboarena.client import RoboArenaClient
from tests.factories import Arena, finish_session, make_steward, open_session, upload_episode

TOLD = "Both sides were the same policy"
MARK = "the same policy twice"


@pytest.fixture(autouse=True)
def _always() -> Iterator[None]:
    with override_settings(SAME_POLICY_SHARE=1.0):
        yield


def judged(arena: Arena) -> Session:
    session = open_session(arena)
    for label in Label:
        upload_episode(session, label)
    judgement = Judgement(preference=Preference.TIE, notes="", valid=True)
    return sessions.submit(session=session, judgement=judgement, now=timezone.now(), veiled=True)


def test_each_side_has_a_way_of_its_own_to_the_one_server(arena: Arena) -> None:
    answer = RoboArenaClient(arena, Client()).pair().json()
    routes = [find_route(policy["port"].rpartition("/")[2]) for policy in answer["policies"]]
    a, b = [route for route in routes if isinstance(route, Route)]
    assert a.endpoint_url == b.endpoint_url
    assert a.side_id != b.side_id
    assert a.wire_session_id != b.wire_session_id
    assert not RelayConnection.objects.exists()


def test_its_evaluator_is_told_after_the_reveal(arena: Arena) -> None:
    dana = as_person(arena.dana)
    session = judged(arena)
    pages = (address(session), f"/sessions/{session.pk}", "/account/history", "/lab")
    for page in pages:
        shown = dana.get(page).content.decode()
        assert TOLD not in shown
        assert MARK not in shown
    dana.post(address(session, "/guess"), {"skip": "yes"})
    assert TOLD in dana.get(address(session)).content.decode()
    assert TOLD in dana.get(f"/sessions/{session.pk}").content.decode()
    for page in ("/account/history", "/lab"):
        assert MARK in dana.get(page).content.decode()
    assert MARK in Client().get("/sessions").content.decode()


def test_the_api_tells_the_kind_after_the_reveal(arena: Arena) -> None:
    dana = as_person(arena.dana)
    session = judged(arena)
    at = f"/api/v1/sessions/{session.pk}"
    assert dana.get(at).json()["draw_kind"] is None
    sessions.reveal(session=session, now=timezone.now())
    assert dana.get(at).json()["draw_kind"] == DrawKind.SAME_POLICY
    assert Client().get(f"/api/v1/public/sessions/{session.pk}").json()["draw_kind"] == DrawKind.SAME_POLICY


def test_a_steward_who_evaluates_learns_nothing_in_the_admin(arena: Arena) -> None:
    eve = as_person(make_steward())
    session = judged(arena)
    at = f"/staff/evaluations/session/{session.pk}/change/"
    assert DrawKind.SAME_POLICY not in eve.get(at).content.decode()
    assert "Pair probability" not in eve.get(at).content.decode()
    sessions.reveal(session=session, now=timezone.now())
    assert MARK in eve.get(at).content.decode()


def test_whoever_names_it_twice_is_right_twice(arena: Arena) -> None:
    session = judged(arena)
    slug = session.sides.first().version.policy.slug  # type: ignore[union-attr]
    guesses.answer(session=session, policy_a=slug, policy_b=slug, now=timezone.now())
    assert (guesses.hit_rate(REAL).named, guesses.hit_rate(REAL).hits) == (2, 2)


def test_it_is_a_valid_session_like_any_other(arena: Arena) -> None:
    session = finish_session(open_session(arena), preference=Preference.B)
    assert (session.state, session.valid, session.draw_kind) == (State.SUBMITTED, True, DrawKind.SAME_POLICY)
    assert session in Session.objects.valid()
    for path in ("/", "/api/list_ab_evaluations", "/api/leaderboard"):
        assert Client().get(path).status_code == 200
