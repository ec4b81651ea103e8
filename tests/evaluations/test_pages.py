from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from arena.models import Policy, Role
from evaluations import assignments, drafts, sessions, submissions
from tests.factories import Arena, finish_session, make_arena, make_lab, make_person, make_steward, open_session

BADGE = "badge-simulated"
HOSTILE = "<script>alert(1)</script>' onmouseover='alert(2)"


def test_what_strangers_typed_is_shown_as_text(client: Client, arena: Arena) -> None:
    session = finish_session(open_session(arena, HOSTILE), notes=HOSTILE)
    for path in ("/sessions", f"/sessions/{session.pk}"):
        page = client.get(path).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "onmouseover='" not in page


def test_an_open_session_is_there_for_its_evaluator_alone(client: Client, arena: Arena) -> None:
    path = f"/sessions/{open_session(arena).pk}"
    assert client.get(path).status_code == 404
    for person in (
        make_person("bob@example.org", lab=arena.lab, role=Role.ADMIN),
        make_person("alice@example.org", lab=arena.owners, role=Role.OWNER),
        make_person("charlie@example.org", lab=make_lab(), role=Role.OWNER),
    ):
        client.force_login(person)
        assert client.get(path).status_code == 404
    client.force_login(arena.dana)
    page = client.get(path)
    assert page.status_code == 200
    assert not any(version.policy.slug in page.content.decode() for version in arena.versions)


def test_no_list_tells_of_an_open_session(client: Client, arena: Arena) -> None:
    session = open_session(arena, "a task that nobody else has")
    client.force_login(make_person("bob@example.org", lab=arena.lab, role=Role.ADMIN))
    for path in ("/", "/sessions", "/sessions?show=all", "/lab", "/api/list_ab_evaluations", "/api/leaderboard"):
        content = client.get(path).getvalue().decode()
        assert str(session.pk) not in content
        assert "a task that nobody else has" not in content


def test_once_it_has_ended_anyone_can_read_it(client: Client, arena: Arena) -> None:
    session = finish_session(open_session(arena))
    page = client.get(f"/sessions/{session.pk}").content.decode()
    assert all(side.version.policy.name in page for side in session.sides.all())
    assert arena.dana.email not in page


def test_a_session_that_was_given_up_says_why(client: Client, arena: Arena) -> None:
    session = sessions.abandon(session=open_session(arena), now=timezone.now(), by=arena.dana)
    assert "given up by the evaluator" in client.get(f"/sessions/{session.pk}").content.decode()
    assert str(session.pk) in client.get("/sessions?show=all").content.decode()
    assert str(session.pk) not in client.get("/sessions").content.decode()


def test_simulation_is_marked_wherever_it_shows(client: Client, db: None) -> None:
    session = finish_session(open_session(make_arena(simulated=True)))
    finish_session(open_session(make_arena()))
    for path in ("/?board=simulation", "/sessions?board=simulation", f"/sessions/{session.pk}"):
        assert BADGE in client.get(path).content.decode()
    for path in ("/?board=overall", "/sessions?board=overall"):
        assert BADGE not in client.get(path).content.decode()


def test_an_excluded_session_says_so_in_every_list(client: Client, arena: Arena) -> None:
    session = finish_session(open_session(arena))
    sessions.exclude(session=session, reason="stake", comment="the lab owns side A", by=make_steward())
    for path in ("/sessions", "/sessions?show=all", f"/sessions/{session.pk}"):
        assert "excluded" in client.get(path).content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/?board=nonsense",
        "/sessions?board=nonsense",
        "/api/leaderboard?board=nonsense",
        "/sessions/not-a-uuid",
        "/nowhere",
        "/snapshots/99/input.csv",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(client: Client, db: None, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert ("<html" in answer.content.decode()) != path.startswith("/api/")


def test_the_lab_page_asks_to_sign_in(client: Client, db: None) -> None:
    answer: Any = client.get("/lab")
    assert (answer.status_code, answer.url) == (302, "/sign-in?next=/lab")


def test_the_number_of_queries_does_not_grow_with_the_list(
    client: Client, arena: Arena, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        finish_session(open_session(arena, f"task {number}"))
    with django_assert_max_num_queries(16):
        client.get("/sessions")


def test_the_page_says_how_progress_was_read_and_what_went_wrong(client: Client, arena: Arena) -> None:
    session = open_session(arena, "open the drawer")
    changes = {
        "a_progress": 40,
        "a_failure_modes": ["missed-grasp"],
        "a_recovered": True,
        "b_progress": 10,
        "valid": False,
        "invalid_reason": "disturbed",
        "invalid_comment": "A visitor moved the cup.",
    }
    drafts.save(session=session, revision=0, changes=changes, now=timezone.now())
    submissions.submit_draft(session=session, now=timezone.now(), veiled=False)
    page = client.get(f"/sessions/{session.pk}").content.decode()
    for words in (
        "The hand is at the right handle or lid",
        "missed the grasp, recovered after a failure",
        "somebody or something interfered",
        "A visitor moved the cup.",
    ):
        assert words in page


def test_a_session_that_is_not_revealed_yet_is_there_for_its_evaluator_alone(client: Client, arena: Arena) -> None:
    session = open_session(arena)
    changes = {"a_progress": 9, "a_success": False, "b_progress": 8, "b_success": False, "preference": "A"}
    drafts.save(session=session, revision=0, changes=changes, now=timezone.now())
    submissions.submit_draft(session=session, now=timezone.now())
    assert client.get(f"/sessions/{session.pk}").status_code == 404
    assert str(session.pk) not in client.get("/sessions?show=all").content.decode()
    client.force_login(arena.dana)
    page = client.get(f"/sessions/{session.pk}", follow=True)
    assert page.status_code == 200
    assert not any(version.policy.name in page.content.decode() for version in arena.versions)


def test_a_training_session_is_never_public(client: Client, arena: Arena) -> None:
    Policy.objects.update(practice=True)
    session = assignments.open_session(
        person=arena.dana, station=arena.station, instruction="a trial", now=timezone.now(), training=True
    )
    finish_session(session)
    assert client.get(f"/sessions/{session.pk}").status_code == 404
    for path in ("/", "/sessions?show=all", "/api/list_ab_evaluations"):
        assert str(session.pk) not in client.get(path).getvalue().decode()
    client.force_login(arena.dana)
    assert client.get(f"/sessions/{session.pk}").status_code == 200
