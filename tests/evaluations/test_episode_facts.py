"""What is told of the videos of an episode: over its cameras, in words, on the session's page and by the API."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from evaluations import drafts, media, submissions
from evaluations.episode_facts import CameraFacts, EpisodeFacts, episode_facts, motion_words, picture_words
from evaluations.measures import BINS, Measures
from evaluations.models import Label, MediaFile, Session
from evaluations.motion_chart import HEIGHT, motion_chart
from tests.evaluations.films import encoded, moving_between
from tests.factories import Arena, finish_session, open_session, upload_episode


def camera(kind: str = "left", *, black: bool = False, frozen: bool = False, **changed: Any) -> CameraFacts:
    values: dict[str, Any] = {
        "sharpness": 500.0,
        "brightness": 0.5,
        "dark_share": 0.0,
        "bright_share": 0.0,
        "moved": True,
        "idle_at_start_s": 1.0,
        "still_at_end_s": 2.0,
        "motion": (0.01,) * BINS,
    }
    measures = Measures(**(values | changed))
    title = f"{kind} camera"
    return CameraFacts(kind=kind, title=title, duration_s=9.0, frames=90, black=black, frozen=frozen, measures=measures)


def facts(*cameras: CameraFacts) -> EpisodeFacts:
    found = episode_facts(cameras)
    assert found is not None
    return found


def test_without_a_camera_there_are_no_facts() -> None:
    assert episode_facts([]) is None


def test_it_is_still_while_no_camera_sees_motion() -> None:
    found = facts(camera(), camera("wrist", idle_at_start_s=0.4, still_at_end_s=3.0))
    assert (found.idle_at_start_s, found.still_at_end_s, found.moved) == (0.4, 2.0, True)


def test_a_black_camera_has_no_say() -> None:
    black = camera("wrist", black=True, brightness=0.0, moved=False, idle_at_start_s=9.0, still_at_end_s=9.0)
    found = facts(camera(brightness=0.6), black)
    assert (found.seen, found.brightness, found.black) == (("left",), 0.6, False)
    assert [one.kind for one in found.cameras] == ["left", "wrist"]
    nothing = facts(black)
    assert (nothing.seen, nothing.brightness, nothing.black) == ((), 0.0, True)


def test_it_is_as_sharp_as_its_sharpest_camera() -> None:
    assert facts(camera(sharpness=40.0), camera("wrist", sharpness=700.0)).sharpness == 700.0


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (camera(), "It moves after 1.0 s and is still for the last 2.0 s."),
        (camera(idle_at_start_s=0.02, still_at_end_s=0.0), "It moves from the start and to the end."),
        (camera(moved=False, idle_at_start_s=9.0, still_at_end_s=9.0), "Nothing moves."),
        (camera(black=True), "No camera shows anything."),
    ],
)
def test_motion_in_words(one: CameraFacts, words: str) -> None:
    assert motion_words(facts(one)) == words


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (camera(), ""),
        (camera(brightness=0.1, dark_share=0.3), "dim, 30% without detail in the dark"),
        (camera(brightness=0.9, bright_share=0.25), "glaring, 25% without detail in the light"),
        (camera(sharpness=20.0, moved=False), "soft, nothing moves"),
        (camera(black=True, brightness=0.0, dark_share=1.0, sharpness=0.0, moved=False), "black"),
    ],
)
def test_a_picture_in_words(one: CameraFacts, words: str) -> None:
    assert picture_words(one) == words


def test_the_chart_is_as_high_as_the_motion() -> None:
    chart = motion_chart((0.0,) * 8 + (0.02,) * 8 + (0.04,) * 16, most=0.04)
    heights = [HEIGHT - float(found) for found in re.findall(r"V([0-9.]+) H", chart.path)]
    assert heights == [0.0] * 8 + [HEIGHT / 2] * 8 + [HEIGHT] * 16
    assert chart.parts == pytest.approx([0, 0, 2, 2, 4, 4, 4, 4])


def test_where_nothing_moves_the_chart_is_flat() -> None:
    assert set(re.findall(r"V([0-9.]+)", motion_chart((0.0,) * BINS, most=0.0).path)) == {str(HEIGHT)}


@pytest.fixture
def filmed(arena: Arena) -> Session:
    """A session with a video on each side that moves from one second to three, of five."""
    session = finish_session(open_session(arena), video=encoded(moving_between(1.0, 3.0, 5.0)))
    for side in session.sides.all():
        media.check_side(side_id=side.pk, now=timezone.now())
    return session


def sheet_of(client: Client, path: str) -> bytes:
    answer: Any = client.get(path)
    return b"".join(answer.streaming_content)


def test_the_page_tells_what_the_videos_show(client: Client, filmed: Session) -> None:
    page = client.get(f"/sessions/{filmed.pk}").content.decode()
    assert (
        len(re.findall(r"75</span> frames. It moves after (0.9|1.[01]) s and is still for the last 2.0 s.", page)) == 2
    )
    assert page.count('class="motion-chart"') == 2
    for label in "AB":
        assert f'src="/sessions/{filmed.pk}/{label}/left/sheet.jpg"' in page


def test_a_page_whose_videos_were_not_measured_does_without(client: Client, filmed: Session) -> None:
    MediaFile.objects.filter(side__label="A").update(measures=None)
    assert "Not measured." in client.get(f"/sessions/{filmed.pk}").content.decode()
    MediaFile.objects.update(measures=None)
    assert "What the videos show" not in client.get(f"/sessions/{filmed.pk}").content.decode()


def test_the_api_tells_it_too(client: Client, filmed: Session) -> None:
    MediaFile.objects.filter(side__label="B").update(measures=None)
    sides = client.get(f"/api/v1/public/sessions/{filmed.pk}").json()["sides"]
    told = sides["A"]["facts"]
    assert (told["frames"], told["seen"], told["moved"]) == (75, ["left"], True)
    assert told["still_at_end_s"] == pytest.approx(2.0, abs=0.15)
    (left,) = told["cameras"]
    assert len(left["measures"]["motion"]) == BINS
    assert sheet_of(client, left["sheet_url"]).startswith(b"\xff\xd8")
    assert sides["B"]["facts"] is None


def test_before_the_reveal_nothing_of_it_is_told(client: Client, arena: Arena) -> None:
    session = open_session(arena)
    for label in Label:
        upload_episode(session, label, video=encoded(moving_between(0.2, 1.0, 2.0)))
        media.check_side(side_id=session.sides.get(label=label).pk, now=timezone.now())
    drafts.save(session=session, revision=0, changes={"preference": "A"}, now=timezone.now())
    submissions.submit_draft(session=session, now=timezone.now())
    paths = [
        f"/sessions/{session.pk}",
        f"/api/v1/public/sessions/{session.pk}",
        f"/sessions/{session.pk}/A/left/sheet.jpg",
    ]
    assert [client.get(path).status_code for path in paths] == [404, 404, 404]
    client.force_login(arena.dana)
    page = client.get(paths[0], follow=True).content.decode()
    assert "What the videos show" not in page
    assert sheet_of(client, paths[2]).startswith(b"\xff\xd8")
