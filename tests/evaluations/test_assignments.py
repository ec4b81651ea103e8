"""Who may open what, with which pair: beyond what the RoboArena calls and the session's life are tested for."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from arena import affiliations
from arena.errors import AccessDenied, ArenaError, Conflict
from arena.models import Policy, Role, Station
from arena.policies import EndpointCheck, record_endpoint_check
from evaluations import assignments, sessions
from evaluations.models import Preference, Session
from evaluations.reasons import Reason
from evaluations.sessions import Judgement
from tests.factories import Arena, finish_session, make_arena, make_lab, make_person, make_station, make_version


def opened(arena: Arena, instruction: str = "put the cup on the plate", *, training: bool = False) -> Session:
    return assignments.open_session(
        person=arena.dana, station=arena.station, instruction=instruction, now=timezone.now(), training=training
    )


def test_the_template_of_its_kind_of_task_is_kept_with_it(arena: Arena) -> None:
    session = opened(arena, "open the drawer")
    assert session.rubric[0] == {"percent": 20, "text": "The hand is at the right handle or lid"}
    assert session.rubric[-1]["percent"] == 100


def test_the_rubric_may_be_fitted_to_the_task(arena: Arena) -> None:
    session = assignments.open_session(
        person=arena.dana,
        station=arena.station,
        instruction="open the drawer",
        rubric=[{"percent": 100, "text": " open "}, {"percent": 30, "text": "handle grasped"}],
        now=timezone.now(),
    )
    assert session.rubric == [{"percent": 30, "text": "handle grasped"}, {"percent": 100, "text": "open"}]


@pytest.mark.parametrize(
    "rubric",
    [
        [{"percent": 101, "text": "too far"}],
        [{"percent": True, "text": "a yes"}],
        [{"percent": 50, "text": "  "}],
        [{"percent": 50, "text": "one"}, {"percent": 50, "text": "two"}],
        [{"percent": number, "text": "many"} for number in range(9)],
        [{"percent": 50, "text": "x" * 161}],
        [{"percent": 50, "text": "nul \x00"}],
        [{"text": "nowhere"}],
    ],
)
def test_a_rubric_is_a_scale(arena: Arena, rubric: list[dict[str, object]]) -> None:
    with pytest.raises(ArenaError) as refused:
        assignments.open_session(
            person=arena.dana, station=arena.station, instruction="open it", rubric=rubric, now=timezone.now()
        )
    assert refused.value.code == "bad_rubric"
    assert not Session.objects.exists()


def test_only_members_open_sessions_at_a_station(arena: Arena) -> None:
    charlie = make_person("charlie@example.org", lab=make_lab(), role=Role.ADMIN)
    with pytest.raises(AccessDenied) as refused:
        assignments.open_session(person=charlie, station=arena.station, instruction="open it", now=timezone.now())
    assert refused.value.code == "not_a_member"


def test_a_retired_station_opens_none(arena: Arena) -> None:
    Station.objects.update(retired_at=timezone.now())
    arena.station.refresh_from_db()
    with pytest.raises(Conflict) as refused:
        opened(arena)
    assert refused.value.code == "station_retired"


def test_a_client_takes_up_what_was_begun_in_the_browser(arena: Arena) -> None:
    begun = opened(arena)
    taken_up = assignments.open_session(
        person=arena.dana, station=arena.station, key=arena.key, instruction=begun.instruction, now=timezone.now()
    )
    assert taken_up == begun
    assert sessions.find_own(session_id=str(begun.pk), key=arena.key) == begun


def test_labs_that_declared_an_affiliation_are_barred(arena: Arena) -> None:
    affiliations.declare(lab=arena.owners, other=arena.lab, by=arena.dana)
    with pytest.raises(Conflict) as refused:
        opened(arena)
    assert refused.value.code == "no_pair"


@pytest.mark.parametrize(("spaces", "fits"), [([], True), (["joint_position"], True), (["cartesian_position"], False)])
@pytest.mark.django_db
def test_a_station_is_dealt_only_what_its_robot_can_be_told(spaces: list[str], fits: bool) -> None:
    arena = make_arena(policies_in_pool=2)
    metadata = {"action_space": "joint_position", "n_external_cameras": 1, "needs_wrist_camera": False}
    for version in arena.versions:
        record_endpoint_check(endpoint=version.endpoint, check=EndpointCheck(reached=True, metadata=metadata))
    Station.objects.update(action_spaces=spaces)
    arena.station.refresh_from_db()
    if fits:
        assert opened(arena).sides.count() == 2
    else:
        with pytest.raises(Conflict):
            opened(arena)


@pytest.fixture
def practice(arena: Arena) -> set[int]:
    known = [make_version(f"known {number}", lab=arena.lab) for number in range(2)]
    Policy.objects.filter(versions__in=known).update(practice=True)
    return {version.pk for version in known}


def test_training_is_run_against_known_policies_and_counts_nowhere(arena: Arena, practice: set[int]) -> None:
    session = opened(arena, training=True)
    assert set(session.sides.values_list("version", flat=True)) == practice
    finish_session(session)
    assert not Session.objects.public().exists()
    assert not Session.objects.valid().exists()


def test_a_newcomer_trains_once(arena: Arena, practice: set[int]) -> None:
    assert assignments.training_is_due(person=arena.dana, station=arena.station)
    finish_session(opened(arena, training=True))
    arena.dana.refresh_from_db()
    assert arena.dana.trained_at is not None
    assert not assignments.training_is_due(person=arena.dana, station=arena.station)


def test_who_has_evaluated_before_is_no_newcomer(arena: Arena, practice: set[int]) -> None:
    finish_session(opened(arena))
    assert not assignments.training_is_due(person=arena.dana, station=arena.station)


def test_without_known_policies_nobody_is_held_up(arena: Arena) -> None:
    assert not assignments.training_is_due(person=arena.dana, station=arena.station)
    with pytest.raises(Conflict) as refused:
        opened(arena, training=True)
    assert refused.value.code == "no_training_pair"


def test_an_installation_may_do_without_training(arena: Arena, practice: set[int]) -> None:
    with override_settings(TRAINING_REQUIRED=False):
        assert not assignments.training_is_due(person=arena.dana, station=arena.station)


def test_sessions_at_two_stations_are_two(arena: Arena) -> None:
    other = make_station(lab=arena.lab)
    first = opened(arena)
    second = assignments.open_session(
        person=arena.dana, station=other, instruction=first.instruction, now=timezone.now()
    )
    assert first != second


def test_a_session_given_up_says_why(arena: Arena) -> None:
    session = sessions.abandon(
        session=opened(arena), now=timezone.now(), by=arena.dana, reason="policy_unsafe", comment="hit  the table"
    )
    assert (session.reason, session.reason_comment) == ("policy_unsafe", "hit the table")


def test_no_other_reason_is_taken(arena: Arena) -> None:
    with pytest.raises(ArenaError) as refused:
        sessions.abandon(session=opened(arena), now=timezone.now(), by=arena.dana, reason="unwelcome pair")
    assert refused.value.code == "bad_reason"


def test_an_extension_runs_from_now_and_revives_nothing(arena: Arena) -> None:
    session, now = opened(arena), timezone.now()
    assert session.lease_expires_at is not None
    extended = sessions.extend(session=session, now=now + timedelta(minutes=5)).lease_expires_at
    assert extended is not None
    assert extended > session.lease_expires_at
    assert sessions.extend(session=session, now=extended).lease_expires_at == extended  # too late by an instant


def test_the_reason_of_an_invalid_session_is_the_evaluators(arena: Arena) -> None:
    session = opened(arena)
    judgement = Judgement(
        preference=Preference.TIE, notes="", valid=False, invalid_reason=Reason.DISTURBED, comment="a visitor"
    )
    ended = sessions.submit(session=session, judgement=judgement, now=timezone.now())
    assert (ended.valid, ended.reason, ended.reason_comment) == (False, "disturbed", "a visitor")
