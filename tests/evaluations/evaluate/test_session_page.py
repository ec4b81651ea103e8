import re
from datetime import timedelta

import pytest
from django.test import Client, override_settings
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from arena.models import Policy, Role
from evaluations import assignments, drafts
from evaluations.blinding import relay_token
from evaluations.evaluate.steps import STEPS
from evaluations.models import Label, RelayConnection, Session
from tests.evaluations.evaluate.forms import address
from tests.factories import Arena, make_lab, make_person, open_session, upload_episode


def fill(session: Session, **changes: object) -> None:
    revision = drafts.read(session).revision
    drafts.save(session=session, revision=revision, changes=changes, now=timezone.now())


def test_only_its_evaluator_is_here(client: Client, arena: Arena) -> None:
    path = address(open_session(arena))
    assert client.get(path).headers["Location"] == f"/sign-in?next={path}"
    for person in (
        make_person("bob@example.org", lab=arena.lab, role=Role.ADMIN),
        make_person("alice@example.org", lab=arena.owners, role=Role.OWNER),
        make_person("charlie@example.org", lab=make_lab(), role=Role.EVALUATOR),
    ):
        client.force_login(person)
        assert client.get(path).status_code == 404


def test_the_first_step_comes_from_what_was_entered(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    for changes, expected in (
        ({}, "run-a"),
        ({"a_done": True}, "score-a"),
        ({"a_progress": 40}, "score-a"),
        ({"a_success": False}, "restore"),
        ({"scene_restored": True}, "run-b"),
        ({"b_done": True}, "score-b"),
        ({"b_progress": 0, "b_success": False}, "judge"),
        ({"preference": "A"}, "check"),
    ):
        if changes:
            fill(session, **changes)
        assert dana.get(address(session)).context["current"] == expected


def test_what_a_client_has_told_needs_no_score(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    upload_episode(session, Label.A, progress=0.6)
    page = dana.get(address(session))
    assert page.context["current"] == "restore"
    content = page.content.decode()
    assert "Your client has told this already" in content
    assert 'name="a_progress"' not in content
    assert 'name="b_progress"' in content
    assert page.context["state"]["told"] == {"A": {"progress": 60, "success": False, "failure_modes": []}}


def test_a_session_that_is_not_to_count_needs_only_a_check(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    fill(session, valid=False)
    assert dana.get(address(session)).context["current"] == "run-a"
    fill(session, invalid_reason="robot_fault")
    assert dana.get(address(session)).context["current"] == "check"


@pytest.mark.parametrize("step", [step.slug for step in STEPS])
def test_the_address_says_which_step(dana: Client, arena: Arena, step: str) -> None:
    page = dana.get(address(open_session(arena), f"?step={step}"))
    assert re.findall(r'class="step is-current" id="step-([a-z-]+)"', page.content.decode()) == [step]


def test_an_unknown_step_is_the_first_to_do(dana: Client, arena: Arena) -> None:
    assert dana.get(address(open_session(arena), "?step=nowhere")).context["current"] == "run-a"


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("ws://relay.example:8001", "relay.example", "8001/relay/"),
        ("wss://relay.example/arena", "wss://relay.example", "443/arena/relay/"),
        ("ws://[::1]:8001", "[::1]", "8001/relay/"),
    ],
)
def test_each_side_has_its_address_whole_and_in_parts(
    dana: Client, arena: Arena, url: str, host: str, port: str
) -> None:
    session = open_session(arena)
    with override_settings(RELAY_PUBLIC_URL=url):
        content = dana.get(address(session)).content.decode()
    for label in ("A", "B"):
        token = relay_token(session_id=session.pk, label=label)
        assert f"python -m arena_client rollout --address {url}/relay/{token} --station" in content
        assert f">{host}<" in content
        assert f">{port}{token}<" in content


def test_a_training_session_is_not_offered_to_the_roboarena_client(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    assert "RoboArena evaluation client" in dana.get(address(session)).content.decode()
    Policy.objects.update(practice=True)
    training = assignments.open_session(
        person=arena.dana, station=arena.station, instruction="practise", training=True, now=timezone.now()
    )
    content = dana.get(address(training)).content.decode()
    assert "RoboArena evaluation client" not in content
    assert ">Training</span>" in content


def test_a_lease_that_has_run_out_ends_the_session_at_once(dana: Client, arena: Arena) -> None:
    session = open_session(arena, now=timezone.now() - timedelta(hours=3))
    page = dana.get(address(session)).content.decode()
    assert "This session ran out before it was submitted" in page
    session.refresh_from_db()
    assert session.state == "expired"


def test_one_that_expired_says_that_what_was_entered_is_kept(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    fill(session, notes="half a judgement")
    Session.objects.filter(pk=session.pk).update(lease_expires_at=timezone.now())
    assert "What you had entered is kept with it" in dana.get(address(session)).content.decode()
    assert drafts.read(session).values == {"notes": "half a judgement"}


def test_no_step_names_a_policy_or_its_lab(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    for label in Label:
        upload_episode(session, label)
    for step in STEPS:
        content = dana.get(address(session, f"?step={step.slug}")).content.decode()
        for version in arena.versions:
            assert version.policy.slug not in content
            assert version.policy.name not in content
        assert arena.owners.name not in content


def test_the_blind_page_leads_here(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    content = dana.get(f"/sessions/{session.pk}").content.decode()
    assert f'href="{address(session)}"' in content
    assert f'href="{address(session, "/abandon")}"' in content


def test_the_page_takes_few_queries_however_much_there_is(
    dana: Client, arena: Arena, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    session = open_session(arena)
    with django_assert_max_num_queries(20) as before:
        dana.get(address(session))
    fill(session, a_progress=20, notes="x")
    for side in session.sides.all():
        for number in range(5):
            RelayConnection.objects.create(
                id=f"00000000-0000-0000-{number:04}-{side.pk:012}", side=side, opened_at=timezone.now()
            )
        upload_episode(session, Label(side.label), video=b"no video")
    with django_assert_max_num_queries(20) as after:
        dana.get(address(session))
    assert len(after) <= len(before)
