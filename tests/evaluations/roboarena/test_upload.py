import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from evaluations import files, sessions
from evaluations.models import Episode, MediaFile, Session, Side, State
from evaluations.roboarena.api import UploadEpisode
from tests.evaluations.roboarena.client import RoboArenaClient
from tests.factories import make_arena


@pytest.fixture
def session_id(client15: RoboArenaClient) -> str:
    return str(client15.pair().json()["session_id"])


def test_an_upload_is_kept_whole(client15: RoboArenaClient, session_id: str) -> None:
    answer = client15.upload(session_id, "A", video=b"v" * 5000)
    assert (answer.status_code, answer.json()) == (200, {"status": "success"})
    episode = Episode.objects.get(side__session__pk=session_id, side__label="A")
    assert (episode.progress, episode.success, episode.duration_steps) == (0.4, False, 31)
    assert (episode.reported_latency_s, episode.camera) == (0.003, "right_image")
    assert {media.kind: media.size for media in episode.side.media.all()}.keys() == {"left", "wrist", "trajectory"}
    left = episode.side.media.get(kind="left")
    with left.file.open() as stored:
        assert stored.read() == b"v" * 5000
    assert Session.objects.get(pk=session_id).state == State.RUNNING


def test_file_names_say_nothing(client15: RoboArenaClient, session_id: str) -> None:
    client15.upload(session_id, "A")
    for media in MediaFile.objects.all():
        folder, start, name = str(media.file.name).split("/")
        stem, _, suffix = name.partition(".")
        assert (folder, start, suffix) == ("episodes", stem[:2], "npz" if media.kind == "trajectory" else "mp4")
        assert int(stem, 16) >= 0


def test_what_the_client_echoes_of_the_relay_is_kept_nowhere(client15: RoboArenaClient, session_id: str) -> None:
    client15.upload(session_id, "A", policy_port="8001/relay/secret-token")
    stored = str(list(Episode.objects.values())) + str(list(MediaFile.objects.values()))
    assert "secret-token" not in stored


def test_the_same_upload_again_changes_nothing(client15: RoboArenaClient, session_id: str) -> None:
    client15.upload(session_id, "A")
    before = list(MediaFile.objects.values())
    assert client15.upload(session_id, "A").status_code == 200
    assert list(MediaFile.objects.values()) == before


def test_a_file_that_came_before_in_the_browser_stays_in_view(client15: RoboArenaClient, session_id: str) -> None:
    side = Side.objects.get(session__pk=session_id, label="A")
    files.attach(side, files.store("left", ContentFile(b"from the browser")), now=timezone.now())
    for _ in range(2):
        assert client15.upload(session_id, "A").status_code == 200
    assert Episode.objects.get(side=side).progress == 0.4
    left = {media.size: media.withdrawn_at is None for media in side.media.filter(kind="left")}
    assert left == {len(b"from the browser"): True, len(b"not really a video"): False}
    assert {media.kind for media in side.files} == {"left", "wrist", "trajectory"}


@pytest.mark.parametrize("changes", [{"partial_success": "0.900"}, {"video": b"another video"}])
def test_a_different_upload_of_the_same_side_is_refused(
    client15: RoboArenaClient, session_id: str, changes: dict[str, Any]
) -> None:
    client15.upload(session_id, "A")
    answer = client15.upload(session_id, "A", **changes)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "episode_exists")
    assert Episode.objects.get().progress == 0.4
    assert _stored_files() == MediaFile.objects.count()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("partial_success", "nan"),
        ("partial_success", "inf"),
        ("partial_success", "-0.1"),
        ("partial_success", "5.0"),
        ("partial_success", "much"),
        ("binary_success", "2"),
        ("duration", "-1"),
        ("duration", "1e400"),
        ("duration", "9" * 30),
        ("policy_letter", "C"),
        ("policy_letter", "UNLABELED_X"),
        ("policy_letter", "A;avg_latency=0.003;x"),
        ("policy_letter", ""),
        ("session_id", "x" * 100),
    ],
)
def test_a_field_out_of_range_is_named(client15: RoboArenaClient, session_id: str, field: str, value: str) -> None:
    answer = client15.http.post("/upload_eval_data", client15.upload_fields(session_id, "A") | {field: value})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_field")
    assert answer.json()["error"]["message"].startswith(field)
    assert not Episode.objects.exists()


def test_a_latency_that_is_no_number_is_no_latency(client15: RoboArenaClient, session_id: str) -> None:
    assert client15.upload(session_id, "A", policy_letter="A;avg_latency=nan").status_code == 200
    assert Episode.objects.get().reported_latency_s is None


@pytest.mark.parametrize("unknown", ["not-a-uuid", str(uuid.UUID(int=7)), "", "../../etc/passwd"])
def test_an_unknown_session_is_not_found(client15: RoboArenaClient, unknown: str) -> None:
    answer = client15.upload(unknown, "A")
    assert answer.status_code in ({400} if not unknown else {404})


def test_a_foreign_session_is_not_found(client15: RoboArenaClient, session_id: str) -> None:
    stranger = RoboArenaClient(make_arena())
    answer = stranger.upload(session_id, "A")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "session_unknown")
    assert not Episode.objects.exists()


def test_after_the_end_nothing_is_taken(client15: RoboArenaClient, session_id: str) -> None:
    client15.upload(session_id, "A")
    client15.terminate(session_id)
    answer = client15.upload(session_id, "B")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "session_ended")
    assert Episode.objects.count() == 1
    assert _stored_files() == MediaFile.objects.count()


def test_a_lease_that_has_run_out_ends_the_session_before_any_sweep(client15: RoboArenaClient, session_id: str) -> None:
    Session.objects.filter(pk=session_id).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    answer = client15.upload(session_id, "A")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "session_ended")
    assert Session.objects.get(pk=session_id).state == State.EXPIRED
    assert _stored_files() == 0


def test_an_upload_extends_the_lease(client15: RoboArenaClient, session_id: str) -> None:
    soon = timezone.now() + timedelta(minutes=1)
    Session.objects.filter(pk=session_id).update(lease_expires_at=soon)
    client15.upload(session_id, "A")
    lease = Session.objects.get(pk=session_id).lease_expires_at
    assert lease is not None
    assert lease > soon + timedelta(hours=1)


def test_a_body_larger_than_allowed_is_refused_before_it_is_read(
    client15: RoboArenaClient, session_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UploadEpisode, "max_body_bytes", 1000)
    answer = client15.upload(session_id, "A", video=b"v" * 5000)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


def test_a_body_that_is_no_form_is_refused(client15: RoboArenaClient) -> None:
    answer = client15.http.post("/upload_eval_data", b"\x00\x01", content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400
    answer = client15.http.post("/upload_eval_data", "{}", content_type="application/json")
    assert answer.status_code in (400, 415)


def test_an_expired_session_answers_as_any_ended_one(client15: RoboArenaClient, session_id: str) -> None:
    sessions.expire_overdue(now=timezone.now() + timedelta(hours=3))
    assert client15.upload(session_id, "A").json()["error"]["code"] == "session_ended"


def _stored_files() -> int:
    try:
        folders, _ = default_storage.listdir("episodes")
    except FileNotFoundError:
        return 0
    return sum(len(default_storage.listdir(f"episodes/{folder}")[1]) for folder in folders)
