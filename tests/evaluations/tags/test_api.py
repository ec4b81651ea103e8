"""Tags for programs, and the page of how often people agree."""

import csv
import io
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from arena import api_keys
from arena.models import Role, Scope
from evaluations.models import FailureMode, Session, Tag
from evaluations.tags import records
from evaluations.tags.questions import QUESTIONS, failure_question
from evaluations.tags.records import ProgressSaid, Said, Tagger
from tests.factories import Arena, finish_session, make_person, open_session

pytestmark = pytest.mark.django_db

DROPPED = failure_question(FailureMode.DROPPED).key
SEER: dict[str, Any] = {"provider": "seer", "model": "seer-7b", "prompt_version": "tags-1"}


@pytest.fixture
def session(arena: Arena) -> Session:
    session = finish_session(open_session(arena))
    said = [Said("category", "sorting", why="It says sort."), Said(DROPPED, "yes", label="A", moment_s=3.5)]
    tagger = Tagger(**SEER)
    records.record(session=session, tagger=tagger, said=said, progress=[ProgressSaid("B", 0.6)], now=timezone.now())
    return session


def with_key(arena: Arena, *scopes: Scope) -> Client:
    _, key = api_keys.create_api_key(
        person=arena.dana, lab=arena.lab, name=" ".join(scopes), scopes=list(scopes), now=timezone.now()
    )
    return Client(headers={"Authorization": f"Bearer {key}"})


def say(client: Client, session: Session, **said: Any) -> Any:
    return client.post(f"/api/v1/sessions/{session.pk}/tags", said, content_type="application/json")


def test_all_that_was_said_is_told_with_who_said_it(client: Client, session: Session, arena: Arena) -> None:
    records.correct(session=session, question="category", answer="tool-use", by=arena.dana, now=timezone.now())
    told = client.get(f"/api/v1/sessions/{session.pk}/tags").json()
    (category,) = told["answers"]
    assert (category["question"], category["stands"]["answer"]) == ("category", "tool-use")
    assert (category["stands"]["person"], category["stands"]["tagger"]) == (arena.dana.pseudonym, None)
    assert [(one["answer"], one["why"], one["tagger"]) for one in category["others"]] == [
        ("sorting", "It says sort.", SEER)
    ]
    assert [one["stands"]["moment_s"] for one in told["sides"]["A"]["answers"]] == [3.5]
    assert told["sides"]["A"]["proposed_progress"] is None
    assert told["sides"]["B"] == {"answers": [], "proposed_progress": {"progress": 0.6, "why": "", "tagger": SEER}}


def test_a_key_that_may_evaluate_corrects_and_one_that_reads_does_not(session: Session, arena: Arena) -> None:
    refused = say(with_key(arena, Scope.READ), session, question="category", answer="tool-use")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "scope_missing")
    client = with_key(arena, Scope.EVALUATE)
    answer = say(client, session, question=DROPPED, label="A", answer="no", why="It was put down.")
    assert answer.status_code == 200
    (dropped,) = answer.json()["sides"]["A"]["answers"]
    assert (dropped["stands"]["answer"], dropped["stands"]["person"]) == ("no", arena.dana.pseudonym)
    say(client, session, question=DROPPED, label="A", answer="no")
    assert Tag.objects.filter(person=arena.dana).count() == 1


@pytest.mark.parametrize(
    "said",
    [
        {"question": "mood", "answer": "yes"},
        {"question": "category", "answer": "yes"},
        {"question": DROPPED, "answer": "yes"},
        {"question": "category", "answer": "sorting", "label": "A"},
        {"question": DROPPED, "answer": "yes", "label": "A", "moment_s": -1},
        {"question": "category", "answer": "sorting", "mood": "good"},
    ],
)
def test_what_is_not_asked_is_refused(session: Session, arena: Arena, said: dict[str, Any]) -> None:
    assert say(with_key(arena, Scope.EVALUATE), session, **said).status_code == 400
    assert not Tag.objects.filter(person=arena.dana).exists()


def test_who_has_a_stake_is_refused(client: Client, session: Session, arena: Arena) -> None:
    client.force_login(make_person("alice@example.org", lab=arena.owners, role=Role.OWNER))
    answer = say(client, session, question="category", answer="tool-use")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "has_a_stake")


def test_a_board_tells_of_its_own_sessions_alone(client: Client, session: Session, arena: Arena) -> None:
    records.correct(session=session, question="category", answer="tool-use", by=arena.dana, now=timezone.now())
    told = client.get("/api/v1/public/tags").json()
    assert [one["question"] for one in told["questions"]] == list(QUESTIONS)
    assert told["coverage"] == [SEER | {"sessions": 1, "answers": 2}]
    (category,) = told["agreement"]
    assert category == SEER | {
        "question": "category",
        "same": 0,
        "both": 1,
        "share": 0.0,
        "low": 0.0,
        "high": pytest.approx(0.7935, abs=1e-4),
    }
    empty = client.get("/api/v1/public/tags?board=imported").json()
    assert (empty["coverage"], empty["agreement"]) == ([], [])


def test_the_page_and_its_table_say_the_same(client: Client, session: Session, arena: Arena) -> None:
    assert "Nobody has confirmed or corrected" in client.get("/tags").content.decode()
    records.correct(session=session, question="category", answer="sorting", by=arena.dana, now=timezone.now())
    page = client.get("/tags").content.decode()
    assert "Seer-7b by seer, prompt tags-1" in page
    assert "21 to 100 %" in page
    assert all(one.asks in page for one in QUESTIONS.values())
    table = client.get("/tags/agreement.csv?board=overall").content.decode()
    (row,) = csv.DictReader(io.StringIO(table))
    assert (row["model"], row["question"], row["same"], row["both"], row["share"]) == (
        "seer-7b", "category", "1", "1", "1.0",
    )  # fmt: skip
    assert "No session of this kind is tagged yet" in client.get("/tags?board=imported").content.decode()
