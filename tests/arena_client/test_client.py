"""The client against the real API over real HTTP."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from arena_client.answers import Session, Stage
from arena_client.client import Client
from arena_client.errors import ArenaError, Conflict, DraftChanged, InvalidInput, NotFound, NotSignedIn
from evaluations.models import Episode
from tests.arena_client.conftest import Place, make_key
from tests.factories import make_arena

pytestmark = pytest.mark.slow

TASK = "put the cup on the plate"


@pytest.fixture
def client(place: Place) -> Client:
    return place.client()


@pytest.fixture
def session(client: Client, place: Place) -> Session:
    return client.open_session(place.station_id, TASK)


def test_a_key_says_whose_it_is(client: Client, place: Place) -> None:
    me = client.me()
    assert me.email == place.arena.dana.email
    assert [lab.slug for lab in me.labs] == [place.arena.lab.slug]
    assert me.key is not None
    assert me.key.scopes == ["read", "evaluate"]


def test_a_key_that_is_none_is_refused(place: Place) -> None:
    with pytest.raises(NotSignedIn) as refused:
        Client(place.url, "arena_wrong").me()
    assert (refused.value.code, refused.value.status) == ("bad_api_key", 401)
    assert refused.value.hint


def test_stations_are_those_of_the_key_s_lab(client: Client, place: Place) -> None:
    make_arena()
    [station] = client.stations()
    assert (station.id, station.name) == (place.station_id, place.arena.station.name)
    assert (station.cameras, station.embodiment) == (["left", "right", "wrist"], "DROID")


def test_a_task_suggests_its_rubric(client: Client) -> None:
    rubric = client.rubric("put the cup on the plate")
    assert rubric.rubric[-1].percent == 100


def test_a_session_has_two_addresses_and_names_nobody(session: Session, place: Place) -> None:
    assert session.is_open
    assert session.instruction == TASK
    assert session.station is not None
    assert session.station.id == place.station_id
    addresses = [session.sides[label].relay_url for label in "AB"]
    assert all("/relay/" in (address or "") for address in addresses)
    assert addresses[0] != addresses[1]
    assert all(side.policy is None for side in session.sides.values())
    assert session.lease_expires_at is not None
    assert session.lease_expires_at.tzinfo is not None


def test_the_same_task_again_is_the_same_session(client: Client, place: Place, session: Session) -> None:
    assert client.open_session(place.station_id, TASK).id == session.id


def test_a_rubric_of_one_s_own_is_kept(client: Client, place: Place) -> None:
    stages = [Stage(50, "half"), Stage(100, "all")]
    assert client.open_session(place.station_id, TASK, rubric=stages).rubric == stages


def test_one_s_sessions_are_listed(client: Client, place: Place, session: Session) -> None:
    assert [one.id for one in client.sessions(only_open=True, station=place.station_id)] == [session.id]
    client.abandon(session.id, reason="no_time")
    assert client.sessions(only_open=True) == []
    assert [one.state for one in client.sessions()] == ["abandoned"]


def test_lists_are_read_page_by_page(client: Client, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena_client.client.PAGE_SIZE", 2)
    opened = {client.open_session(place.station_id, f"{TASK} {number}").id for number in range(5)}
    assert {one.id for one in client.sessions()} == opened


def test_what_runs_is_told_coarsely(client: Client, session: Session) -> None:
    live = client.live(session.id)
    assert live.state == "assigned"
    assert [live.sides[label].connection for label in "AB"] == ["never", "never"]
    assert [live.sides[label].media for label in "AB"] == [0, 0]


def test_a_draft_is_kept_and_two_writers_are_told_of_each_other(client: Client, session: Session) -> None:
    saved = client.save_draft(session.id, 0, {"a_progress": 40})
    assert saved.values == {"a_progress": 40}
    assert [one.field for one in saved.missing] == ["a_success", "b_progress", "b_success", "preference"]
    with pytest.raises(DraftChanged) as conflict:
        client.save_draft(session.id, 0, {"a_progress": 60})
    assert conflict.value.fields == ["a_progress"]
    assert (conflict.value.revision, conflict.value.values) == (saved.revision, {"a_progress": 40})


def test_what_makes_no_sense_is_said_field_by_field(client: Client, session: Session) -> None:
    with pytest.raises(InvalidInput) as refused:
        client.record_episode(session.id, "A", progress=1.5, success=False)
    assert "progress" in refused.value.fields
    assert "progress" in str(refused.value)


def test_a_whole_session_scored_by_the_client(client: Client, session: Session, tmp_path: Path) -> None:
    for label, progress in (("A", 0.4), ("B", 1.0)):
        client.record_episode(session.id, label, progress=progress, success=progress == 1, duration_steps=100)
    ended = client.submit(session.id, preference="B", notes="B was steadier.")
    assert (ended.state, ended.valid) == ("submitted", True)
    assert ended.result is not None
    assert (ended.result.preference, ended.result.notes) == ("B", "B was steadier.")
    assert all(side.policy for side in ended.sides.values())
    assert [episode.progress for episode in Episode.objects.order_by("side__label")] == [0.4, 1.0]


def test_a_session_may_stay_veiled_for_a_guess(client: Client, session: Session, place: Place) -> None:
    for label in "AB":
        client.record_episode(session.id, label, progress=0.5, success=False)
    veiled = client.submit(session.id, preference="TIE", ask_guess=True)
    assert not any(side.policy for side in veiled.sides.values())
    slug = place.arena.versions[0].policy.slug
    assert all(side.policy for side in client.guess(session.id, policy_a=slug).sides.values())


def test_a_session_that_is_not_to_count_says_why(client: Client, session: Session) -> None:
    ended = client.submit(session.id, valid=False, invalid_reason="robot_fault", invalid_comment="gripper")
    assert (ended.valid, ended.reason) == (False, "robot_fault")


def test_an_incomplete_session_stays_open(client: Client, session: Session) -> None:
    with pytest.raises(ArenaError) as refused:
        client.submit(session.id, preference="A")
    assert refused.value.code == "incomplete"
    assert client.session(session.id).is_open


def test_another_score_of_a_side_is_refused(client: Client, session: Session) -> None:
    client.record_episode(session.id, "A", progress=0.4, success=False)
    assert client.record_episode(session.id, "A", progress=0.4, success=False).progress == 0.4
    with pytest.raises(Conflict) as refused:
        client.record_episode(session.id, "A", progress=0.5, success=False)
    assert refused.value.code == "episode_exists"


def test_more_time_is_given(client: Client, session: Session) -> None:
    later = client.extend(session.id)
    assert later is not None
    assert session.lease_expires_at is not None
    assert later >= session.lease_expires_at


def test_photos_of_the_scene_are_kept(client: Client, session: Session) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(picture, "JPEG")
    photo = client.keep_photo(session.id, "start", picture.getvalue())
    assert (photo.moment, photo.width, photo.height) == ("start", 64, 48)
    assert [one.id for one in client.session(session.id).photos] == [photo.id]


def test_what_is_another_s_is_not_there(place: Place, session: Session) -> None:
    other = make_arena()
    client = Client(place.url, make_key(other.dana, other))
    calls: list[Any] = [
        lambda: client.session(session.id),
        lambda: client.submit(session.id),
        lambda: client.upload(session.id, "A", "left", __file__),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()


def test_a_page_in_the_browser_is_named(client: Client, place: Place) -> None:
    assert client.page("x") == f"{place.url}/evaluate/x"
