"""Tags on the page of a session: who says what, what was said otherwise, and corrections with and without scripts."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from arena.models import Person, Role
from evaluations.models import FailureMode, Session, Tag
from evaluations.tags import records
from evaluations.tags.questions import failure_question
from evaluations.tags.records import ProgressSaid, Said, Tagger
from tests.factories import Arena, finish_session, make_lab, make_person, open_session

pytestmark = pytest.mark.django_db

DROPPED = failure_question(FailureMode.DROPPED).key
SEER = Tagger(provider="seer", model="seer-7b", prompt_version="tags-1", pictures=12, tokens_in=900, tokens_out=80)
RULES = Tagger(provider="builtin", model="", prompt_version="rules-1")
IN_PLACE = {"HX-Request": "true"}
CONTROL = 'name="answer"'


@pytest.fixture
def session(arena: Arena) -> Session:
    session = finish_session(open_session(arena, "sort the blocks"), video=b"no video")
    records.record(
        session=session,
        tagger=SEER,
        said=[
            Said("category", "sorting", why="It says sort."),
            Said(DROPPED, "yes", label="A", why="The block falls.", moment_s=3.5),
            Said("failure.froze", "no", label="A"),
        ],
        progress=[ProgressSaid("B", 0.6, why="Half of the blocks.")],
        now=timezone.now(),
    )
    return session


def page_of(session: Session, person: Person | AnonymousUser | None = None) -> str:
    client = Client()
    if isinstance(person, Person):
        client.force_login(person)
    return client.get(f"/sessions/{session.pk}").content.decode()


def say(session: Session, person: Person | None, **said: str) -> Any:
    return _post(Client(headers=IN_PLACE), session, person, said)


def say_without_scripts(session: Session, person: Person | None, **said: str) -> Any:
    return _post(Client(), session, person, said)


def _post(client: Client, session: Session, person: Person | None, said: dict[str, str]) -> Any:
    if person is not None:
        client.force_login(person)
    return client.post(f"/sessions/{session.pk}/tags", said)


def test_everybody_reads_who_says_what_and_why(session: Session) -> None:
    page = page_of(session)
    assert "Sorting / Classification" in page
    assert "says seer-7b by seer, prompt tags-1" in page
    assert "It says sort." in page
    assert f'href="/sessions/{session.pk}/A/left.mp4#t=3.5" data-moment="3.5"' in page
    assert "proposed by a model, not in the ranking" in page
    assert "60 %" in page
    assert CONTROL not in page


def test_rules_are_told_from_models(session: Session) -> None:
    records.record(session=session, tagger=RULES, said=[Said("kind", "everyday")], now=timezone.now())
    assert "says rules, no model (rules-1)" in page_of(session)


def test_a_moment_without_a_video_is_no_link(arena: Arena) -> None:
    session = finish_session(open_session(arena))
    said = [Said(DROPPED, "yes", label="A", moment_s=3.5)]
    records.record(session=session, tagger=SEER, said=said, now=timezone.now())
    page = page_of(session)
    assert "at 3.5 s" in page
    assert "data-moment" not in page


def test_who_may_correct_sees_controls_and_who_has_a_stake_does_not(session: Session, arena: Arena) -> None:
    owner = make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)
    stranger = make_person("charlie@example.org", lab=make_lab(), role=Role.EVALUATOR)
    assert CONTROL in page_of(session, arena.dana)
    assert CONTROL in page_of(session, stranger)
    assert CONTROL not in page_of(session, owner)


def test_a_correction_in_place_is_the_row_alone_with_the_models_word_beside(session: Session, arena: Arena) -> None:
    answer = say(session, arena.dana, question="category", answer="tool-use", why="It is a sponge.")
    row = answer.content.decode()
    assert answer.status_code == 200
    assert row.lstrip().startswith('<li class="tag-row" id="tag-session-category">')
    assert "Tool Use" in row
    assert f"says {arena.dana.pseudonym}" in row
    assert "1 other answer" in row
    assert "It says sort." in row
    assert '<span id="session-category" hx-swap-oob="true">Tool Use</span>' in row
    assert "<html" not in row


def test_a_confirmation_keeps_the_moment_that_was_told(session: Session, arena: Arena) -> None:
    row = say(session, arena.dana, question=DROPPED, label="A", answer="yes").content.decode()
    assert Tag.objects.get(person=arena.dana).moment_s == 3.5
    assert 'data-moment="3.5"' in row
    assert "Confirm" not in row


def test_a_person_may_say_what_no_model_saw(session: Session, arena: Arena) -> None:
    row = say(session, arena.dana, question="failure.collision", label="B", answer="yes", moment_s="7.25")
    assert 'data-moment="7.25"' in row.content.decode()
    assert 'id="tag-B-failure-collision"' in page_of(session)


def test_a_slip_is_told_in_place_with_what_was_typed(session: Session, arena: Arena) -> None:
    for slip, told in (
        ({"answer": ""}, "Choose an answer."),
        ({"answer": "yes", "moment_s": "soon"}, "The moment is a number of seconds."),
        ({"answer": "yes", "moment_s": "-1"}, "greater than or equal to 0"),
        ({"answer": "perhaps"}, "One of yes, no."),
    ):
        answer = say(session, arena.dana, question=DROPPED, label="B", why="It fell.", **slip)
        row = answer.content.decode()
        assert answer.status_code == 422
        assert told in row
        assert 'value="It fell."' in row
    assert not Tag.objects.filter(person=arena.dana).exists()


def test_without_scripts_the_page_comes_back(session: Session, arena: Arena) -> None:
    answer = say_without_scripts(session, arena.dana, question="category", answer="tool-use")
    assert (answer.status_code, answer.url) == (302, f"/sessions/{session.pk}#tags")
    answer = say_without_scripts(session, arena.dana, question="category", answer="", why="Because.")
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "<html" in page
    assert "Choose an answer." in page
    assert 'value="Because."' in page


def test_who_has_a_stake_is_told_so_and_changes_nothing(session: Session, arena: Arena) -> None:
    owner = make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)
    for said in ("tool-use", ""):
        assert say_without_scripts(session, owner, question="category", answer=said).status_code == 403
    assert say(session, owner, question="category", answer="tool-use").status_code == 422
    assert not Tag.objects.filter(person=owner).exists()


def test_who_is_signed_out_is_sent_to_sign_in_or_told(session: Session) -> None:
    answer = say_without_scripts(session, None, question="category", answer="tool-use")
    assert (answer.status_code, answer.url) == (302, f"/sign-in?next=/sessions/{session.pk}")
    assert say(session, None, question="category", answer="tool-use").status_code == 401


def test_a_question_that_is_not_asked_is_refused(session: Session, arena: Arena) -> None:
    for said in ({"question": "mood"}, {"question": "category", "label": "A"}, {"question": DROPPED}):
        answer = say(session, arena.dana, answer="yes", **said)
        assert answer.status_code == 400


def test_an_open_session_has_no_tags(arena: Arena) -> None:
    session = open_session(arena)
    assert say(session, arena.dana, question="category", answer="sorting").status_code == 404
    assert 'id="tags"' not in page_of(session, arena.dana)


def test_the_number_of_queries_does_not_grow_with_what_was_said(
    session: Session, arena: Arena, client: Client, django_assert_num_queries: Any
) -> None:
    client.force_login(arena.dana)
    with CaptureQueriesContext(connection) as before:
        client.get(f"/sessions/{session.pk}")
    for answer in ("tool-use", "sorting", "find-search"):
        records.record(session=session, tagger=RULES, said=[Said("category", answer)], now=timezone.now())
        records.correct(session=session, question="category", answer=answer, by=arena.dana, now=timezone.now())
    with django_assert_num_queries(len(before)):
        client.get(f"/sessions/{session.pk}")
