import pytest
from django.test import Client
from django.utils import timezone

from arena.models import Role
from evaluations import drafts
from evaluations.models import Session
from evaluations.reasons import ABANDON_REASONS
from tests.evaluations.evaluate.forms import address
from tests.factories import Arena, make_person, open_session


def test_every_reason_is_offered_and_it_says_that_it_counts(dana: Client, arena: Arena) -> None:
    content = dana.get(address(open_session(arena), "/abandon")).content.decode()
    assert all(f'value="{reason}"' in content for reason in ABANDON_REASONS)
    assert "counts in the completion rates" in content


def test_it_is_recorded_with_reason_and_comment(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    drafts.save(session=session, revision=0, changes={"a_progress": 10}, now=timezone.now())
    form = {"reason": "robot_fault", "comment": "the gripper\nis stuck"}
    for _ in range(2):
        assert dana.post(address(session, "/abandon"), form).headers["Location"] == address(session)
    session.refresh_from_db()
    assert (session.state, session.reason) == ("abandoned", "robot_fault")
    assert session.reason_comment == "the gripper is stuck"
    content = dana.get(address(session)).content.decode()
    assert "the robot or its cameras failed" in content
    assert "What you had entered is kept with it" in content


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({}, "Say why."),
        ({"reason": "lease_expired", "comment": "kept words"}, "Say why."),
        ({"reason": "no_time", "comment": "y" * 501}, "longer than 500"),
        ({"reason": "no_time", "comment": "no\x00time"}, "characters that cannot be stored"),
    ],
)
def test_without_a_good_reason_it_goes_on(dana: Client, arena: Arena, form: dict[str, str], message: str) -> None:
    session = open_session(arena)
    answer = dana.post(address(session, "/abandon"), form)
    assert answer.status_code == 400
    assert message in answer.content.decode()
    assert form.get("comment", "") in answer.content.decode()
    session.refresh_from_db()
    assert session.is_open


def test_it_is_nobody_elses(client: Client, arena: Arena) -> None:
    session = open_session(arena)
    assert client.post(address(session, "/abandon")).headers["Location"].startswith("/sign-in")
    client.force_login(make_person("bob@example.org", lab=arena.lab, role=Role.ADMIN))
    assert client.get(address(session, "/abandon")).status_code == 404
    assert client.post(address(session, "/abandon"), {"reason": "no_time"}).status_code == 404
    assert Session.objects.open().count() == 1
