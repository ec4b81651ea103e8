"""Sessions are tagged by rules or by a model: found, looked at, kept once."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image

from evaluations import media
from evaluations.models import MediaFile, Session, Side, Tag, Tagging, TaskCategory
from evaluations.tags import selectors
from reports import work
from reports.models import Work
from reports.providers import BUILTIN, Temporary, Unusable, Waiting
from reports.tagging import prompt, tagging
from tests.evaluations.films import encoded, moving_between
from tests.factories import Arena, finish_session, open_session

pytestmark = pytest.mark.django_db

SEEN = {
    "task_category": "tool-use",
    "kind": "dexterity",
    "difficulty": "hard",
    "clear_view": True,
    "good_light": None,
    "simple_scene": False,
    "clear_instruction": True,
    "needs_reasoning": False,
    "why": "A sponge is used.",
    "a": {
        "failures": [
            {"mode": "dropped", "at_seconds": 9.5, "why": "again"},
            {"mode": "dropped", "at_seconds": 4.0, "why": "the sponge falls"},
        ],
        "recovered": True,
        "progress_percent": 60,
        "why": "It picks it up again.",
    },
    "b": {"failures": [], "recovered": None, "progress_percent": None, "why": ""},
}


@pytest.fixture(scope="module")
def film() -> bytes:
    return encoded(moving_between(0.5, 1.5, seconds=2))


@pytest.fixture
def session(arena: Arena) -> Session:
    return finish_session(open_session(arena, "wipe the table with the sponge"))


def tag(session: Session, provider: str = "") -> Work:
    piece = work.ask(kind=Work.Kind.TAG_SESSION, subject=str(session.pk), now=timezone.now(), provider=provider)
    tagging.do(work_id=piece.pk, now=timezone.now())
    piece.refresh_from_db()
    return piece


def answers(session: Session, label: str | None = None) -> dict[str, str]:
    sides = list(Side.objects.filter(session=session))
    told = selectors.tags_of(session, sides)
    standing = told.session if label is None else next(one.standing for one in told.sides if one.side.label == label)
    return {one.question.key: one.tag.answer for one in standing if one.tag}


def test_only_published_sessions_of_ours_are_found_and_once(arena: Arena, session: Session) -> None:
    open_session(arena, "not judged yet")
    finish_session(open_session(arena, "not valid"), valid=False)
    assert tagging.find(now=timezone.now()) == 1
    assert tagging.find(now=timezone.now()) == 0
    assert str(session.pk) in set(Work.objects.values_list("subject", flat=True))


def test_the_rules_tag_and_say_why(session: Session) -> None:
    assert tag(session).state == Work.State.DONE
    made = Tagging.objects.get()
    assert (made.provider, made.model, made.pictures) == (BUILTIN, "", 0)
    told = answers(session)
    assert told["category"] == "tool-use"
    assert {"kind", "difficulty", "clear-instruction"} <= set(told)
    assert "simple-scene" not in told
    assert all(one.why for one in Tag.objects.all())
    session.refresh_from_db()
    assert session.category is TaskCategory.TOOL_USE


def test_what_the_rules_cannot_tell_is_left_out(arena: Arena) -> None:
    session = finish_session(open_session(arena, "faire quelque chose avec la tasse"))
    tag(session)
    assert "category" not in answers(session)
    session.refresh_from_db()
    assert session.tagged_category == ""


def test_a_model_is_asked_where_there_is_one(session: Session, speak: Any) -> None:
    speaker = speak(SEEN)
    assert tag(session).state == Work.State.DONE
    made = Tagging.objects.get()
    assert (made.provider, made.model, made.prompt_version, made.tokens_in, made.cost) == (
        "seer", "seer-7b", prompt.PROMPT_VERSION, 1000, 0.01,
    )  # fmt: skip
    assert answers(session) == {
        "category": "tool-use", "kind": "dexterity", "difficulty": "hard", "clear-view": "yes", "simple-scene": "no",
        "clear-instruction": "yes", "needs-reasoning": "no",
    }  # fmt: skip
    side_a = answers(session, "A")
    assert (side_a["failure.dropped"], side_a["failure.froze"], side_a["recovered"]) == ("yes", "no", "yes")
    assert Tag.objects.get(question="failure.dropped", side__label="A").moment_s == 4.0
    assert "recovered" not in answers(session, "B")
    assert [one.progress for one in made.proposals.all()] == [0.6]
    assert len(speaker.asked) == 1


def test_a_model_is_told_neither_policies_nor_people_nor_what_they_said(session: Session, speak: Any) -> None:
    speaker = speak(SEEN)
    tag(session)
    (question,) = speaker.asked
    shown = question.system + question.text
    for side in session.sides.all():
        assert side.version.label not in shown
        assert side.version.policy.name not in shown
    for secret in (session.lab.name, "A was steadier", "0.8", "80"):
        assert secret not in shown
    assert "wipe the table" in shown


def test_a_model_that_cannot_see_is_not_asked_for_tags(session: Session, speak: Any) -> None:
    speaker = speak(sees_pictures=False)
    tag(session)
    assert speaker.asked == []
    assert Tagging.objects.get().provider == BUILTIN


def test_a_steward_can_have_the_rules_do_it(session: Session, speak: Any) -> None:
    speak()
    tag(session, provider=BUILTIN)
    assert Tagging.objects.get().provider == BUILTIN


def test_every_camera_is_shown_with_its_side(arena: Arena, film: bytes, speak: Any) -> None:
    session = finish_session(open_session(arena), video=film)
    for side in Side.objects.filter(session=session):
        media.check_side(side_id=side.pk, now=timezone.now())
    speaker = speak(SEEN)
    tag(session)
    (question,) = speaker.asked
    assert [picture.title.partition(":")[0] for picture in question.pictures] == ["A, left camera", "B, left camera"]
    for picture in question.pictures:
        assert Image.open(io.BytesIO(picture.jpeg)).format == "JPEG"
    assert '"seconds"' in question.text


def test_it_waits_until_the_videos_are_checked(arena: Arena, film: bytes) -> None:
    session = finish_session(open_session(arena), video=film)
    piece = tag(session)
    assert (piece.state, piece.attempts) == (Work.State.WAITING, 0)
    for side in Side.objects.filter(session=session):
        media.check_side(side_id=side.pk, now=timezone.now())
    tagging.do(work_id=piece.pk, now=piece.next_try_at)
    assert Tagging.objects.filter(session=session).count() == 1
    assert not MediaFile.objects.filter(check_state=MediaFile.Check.PENDING).exists()


def test_a_second_nudge_tags_nothing_twice(session: Session) -> None:
    piece = tag(session)
    tagging.do(work_id=piece.pk, now=timezone.now())
    assert Tagging.objects.count() == 1


@pytest.mark.parametrize("error", [Temporary("busy"), Waiting("open", until=timezone.now() + timedelta(hours=1))])
def test_what_fails_for_now_is_done_later(session: Session, speak: Any, error: Exception) -> None:
    speak(error, SEEN)
    piece = tag(session)
    assert (piece.state, Tagging.objects.count()) == (Work.State.WAITING, 0)
    tagging.do(work_id=piece.pk, now=piece.next_try_at)
    assert Tagging.objects.count() == 1


def test_what_a_model_cannot_answer_fails_and_is_left_to_a_steward(session: Session, speak: Any) -> None:
    speak(Unusable("No answer fits."))
    piece = tag(session)
    assert (piece.state, piece.reason) == (Work.State.FAILED, "No answer fits.")


@pytest.mark.parametrize(
    "change",
    [
        {"task_category": "unknown"},
        {"kind": "other"},
        {"surprise": 1},
        {"a": SEEN["a"] | {"progress_percent": 160}},  # type: ignore[operator]
        {"a": SEEN["a"] | {"failures": [{"mode": "exploded", "at_seconds": 1, "why": ""}]}},  # type: ignore[operator]
    ],
)
def test_the_schema_takes_no_other_answer(change: dict[str, Any]) -> None:
    assert prompt.SeenSession.model_validate(SEEN)
    with pytest.raises(ValueError, match="validation error"):
        prompt.SeenSession.model_validate(SEEN | change)
