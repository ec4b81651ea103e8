"""What taggers and people say of a session, and what stands."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import Error, transaction
from django.utils import timezone

from arena import affiliations, stakes
from arena.errors import AccessDenied, ArenaError, Conflict
from arena.models import AuditEvent, Person, Role
from evaluations.models import FailureMode, Session, Side, Tag, Tagging, TaskCategory
from evaluations.tags import records, selectors
from evaluations.tags.questions import EPISODE_QUESTIONS, QUESTIONS, SESSION_QUESTIONS, failure_question
from evaluations.tags.records import ProgressSaid, Said, Tagger
from tests.factories import Arena, finish_session, make_lab, make_person, make_steward, open_session

TAGGER = Tagger(provider="seer", model="seer-7b", prompt_version="tags-1", tokens_in=900, tokens_out=80)
DROPPED = failure_question(FailureMode.DROPPED).key


@pytest.fixture
def session(arena: Arena) -> Session:
    return finish_session(open_session(arena))


def tag(session: Session, *said: Said, tagger: Tagger = TAGGER, progress: tuple[ProgressSaid, ...] = ()) -> Tagging:
    return records.record(session=session, tagger=tagger, said=said, now=timezone.now(), progress=progress)


def correct(session: Session, question: str, answer: str, by: Person, label: str | None = None) -> Tag:
    return records.correct(session=session, question=question, answer=answer, by=by, now=timezone.now(), label=label)


def standing(session: Session) -> selectors.SessionTags:
    return selectors.tags_of(session, list(Side.objects.filter(session=session)))


def answers(session: Session) -> dict[str, str]:
    return {one.question.key: one.tag.answer for one in standing(session).session if one.tag}


def test_what_a_tagger_says_is_kept_with_what_it_is(session: Session) -> None:
    made = tag(
        session,
        Said("category", "sorting", why="It says sort."),
        Said(DROPPED, "yes", label="A", why="The cup falls.", moment_s=3.5),
        progress=(ProgressSaid("B", 0.6),),
    )
    assert (made.provider, made.model, made.prompt_version, made.tokens_in) == ("seer", "seer-7b", "tags-1", 900)
    tags = standing(session)
    side_a, side_b = tags.sides
    assert [(one.question.key, one.tag.moment_s) for one in side_a.seen if one.tag] == [(DROPPED, 3.5)]
    assert side_b.proposed is not None
    assert (side_b.proposed.progress, side_a.proposed) == (0.6, None)
    session.refresh_from_db()
    assert session.category is TaskCategory.SORTING


def test_a_proposed_progress_reaches_no_result(session: Session) -> None:
    before = list(session.sides.values_list("episode__progress", flat=True))
    tag(session, progress=(ProgressSaid("A", 0.01), ProgressSaid("B", 0.99)))
    assert list(session.sides.values_list("episode__progress", flat=True)) == before


@pytest.mark.parametrize(
    "said",
    [
        Said("category", "unknown"),
        Said("category", "sorting", label="A"),
        Said("mood", "yes"),
        Said(DROPPED, "yes"),
        Said(DROPPED, "perhaps", label="A"),
    ],
)
def test_answers_that_fit_no_question_are_refused_whole(session: Session, said: Said) -> None:
    with pytest.raises(ArenaError):
        tag(session, Said("kind", "dexterity"), said)
    assert not Tagging.objects.exists()
    assert not Tag.objects.exists()


def test_nothing_that_is_not_published_is_tagged(arena: Arena) -> None:
    opened = open_session(arena)
    with pytest.raises(Conflict):
        tag(opened, Said("category", "sorting"))
    with pytest.raises(Conflict):
        correct(opened, "category", "sorting", arena.dana)


def test_a_person_stands_before_a_tagger_also_before_a_later_one(session: Session, arena: Arena) -> None:
    tag(session, Said("category", "sorting"))
    correct(session, "category", "tool-use", arena.dana)
    tag(session, Said("category", "find-search"))
    assert answers(session)["category"] == "tool-use"
    session.refresh_from_db()
    assert session.category is TaskCategory.TOOL_USE
    said = standing(session).session[0]
    assert said.by_person
    assert [one.answer for one in said.earlier] == ["sorting", "find-search"]


def test_the_last_person_stands_and_a_repeat_changes_nothing(session: Session, arena: Arena) -> None:
    steward = make_steward()
    correct(session, "difficulty", "hard", arena.dana)
    correct(session, "difficulty", "easy", steward)
    correct(session, "difficulty", "easy", steward)
    assert answers(session)["difficulty"] == "easy"
    assert [one.person for one in standing(session).session[2].said] == [arena.dana, steward]
    assert AuditEvent.objects.filter(tag="session:tag-corrected").count() == 2


def test_another_reason_or_moment_is_a_further_word(session: Session, arena: Arena) -> None:
    tag(session, Said(DROPPED, "yes", label="A", moment_s=3.5))
    for why, moment in (("", None), ("", None), ("It fell.", None), ("", 4.0), ("It fell.", 4.0), ("", 4.0)):
        records.correct(
            session=session, question=DROPPED, answer="yes", by=arena.dana, now=timezone.now(), label="A", why=why,
            moment_s=moment,
        )  # fmt: skip
    said = Tag.objects.filter(person=arena.dana).values_list("why", "moment_s")
    assert list(said) == [("", 3.5), ("It fell.", 3.5), ("", 4.0), ("It fell.", 4.0)]


@pytest.mark.parametrize(
    ("question", "label", "moment"), [("kind", None, 1.0), (DROPPED, "A", -0.1), (DROPPED, "A", 9e9)]
)
def test_only_what_is_seen_in_a_rollout_has_a_moment(
    session: Session, arena: Arena, question: str, label: str | None, moment: float
) -> None:
    answer = "dexterity" if question == "kind" else "yes"
    with pytest.raises(ArenaError, match="moment_s"):
        records.correct(
            session=session, question=question, answer=answer, by=arena.dana, now=timezone.now(), label=label,
            moment_s=moment,
        )  # fmt: skip


def test_the_last_word_stands_whatever_the_clocks_say(session: Session, arena: Arena) -> None:
    """Two servers' clocks differ; the category of the session is what stands on its page."""
    now = timezone.now()
    records.correct(session=session, question="category", answer="sorting", by=arena.dana, now=now)
    earlier = now - timedelta(seconds=1)
    records.correct(session=session, question="category", answer="tool-use", by=make_steward(), now=earlier)
    session.refresh_from_db()
    assert (answers(session)["category"], session.category) == ("tool-use", TaskCategory.TOOL_USE)


def test_who_has_a_stake_tags_nothing(session: Session, arena: Arena) -> None:
    side = session.sides.first()
    assert side is not None
    owner = make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)
    friends, close, strangers = (make_lab() for _ in range(3))
    affiliations.declare(lab=friends, other=arena.owners, by=owner)
    stakes.declare(policy=side.version.policy, lab=close, by=owner)
    friend = make_person("friend@example.org", lab=friends, role=Role.EVALUATOR)
    builder = make_person("builder@example.org", lab=close, role=Role.EVALUATOR)
    stranger = make_person("stranger@example.org", lab=strangers, role=Role.EVALUATOR)
    own_steward = make_steward()
    make_person(own_steward.email, lab=arena.owners, role=Role.OWNER)
    for person in (owner, friend, builder, own_steward, Person.objects.create_user("nobody@example.org")):
        with pytest.raises(AccessDenied):
            correct(session, "category", "sorting", person)
    assert correct(session, "category", "sorting", stranger).person == stranger


def test_nothing_said_can_be_changed_or_taken_away(session: Session) -> None:
    made = tag(session, Said("category", "sorting"), progress=(ProgressSaid("A", 0.5),))
    for rows, change in (
        (Tagging.objects.filter(pk=made.pk), {"model": "another"}),
        (made.tags.all(), {"answer": "tool-use"}),
        (made.proposals.all(), {"progress": 1.0}),
    ):
        with pytest.raises(Error), transaction.atomic():
            rows.update(**change)
        with pytest.raises(Error), transaction.atomic():
            rows._raw_delete(rows.db)


def test_the_tags_that_stand_of_many_sessions(session: Session, arena: Arena) -> None:
    other = finish_session(open_session(arena, "fold the cloth"))
    tag(session, Said("kind", "dexterity"), Said(DROPPED, "yes", label="A"), Said(DROPPED, "no", label="B"))
    correct(session, DROPPED, "no", arena.dana, label="A")
    tag(session, Said("kind", "everyday"))
    tag(other, Said("kind", "generalization"))
    found = selectors.standing_tags(Session.objects.all())
    told = {(one.session_id, one.side and one.side.label, one.question): one.answer for one in found}
    assert told == {
        (session.pk, None, "kind"): "everyday",
        (session.pk, "A", DROPPED): "no",
        (session.pk, "B", DROPPED): "no",
        (other.pk, None, "kind"): "generalization",
    }


def test_how_often_people_agree_with_a_tagger(session: Session, arena: Arena) -> None:
    other = finish_session(open_session(arena, "fold the cloth"))
    third = finish_session(open_session(arena, "sort the blocks"))
    for one, said, person in ((session, "sorting", "sorting"), (other, "sorting", "cover-fold")):
        tag(one, Said("category", said), Said(DROPPED, "yes", label="A"), Said(DROPPED, "yes", label="B"))
        correct(one, "category", person, arena.dana)
    correct(session, DROPPED, "no", arena.dana, label="A")
    tag(third, Said("category", "sorting"))
    tag(other, Said("category", "cover-fold"), tagger=replace(TAGGER, prompt_version="tags-2"))
    found = selectors.agreement(Session.objects.all())
    assert [(one.question.key, one.same, one.both, one.in_words) for one in found] == [
        ("category", 1, 2, "seer-7b by seer, prompt tags-1"),
        (DROPPED, 0, 1, "seer-7b by seer, prompt tags-1"),
        ("category", 1, 1, "seer-7b by seer, prompt tags-2"),
    ]
    assert found[0].interval == pytest.approx((0.0945, 0.9055), abs=1e-4)
    assert selectors.agreement(Session.objects.filter(pk=third.pk)) == []


def test_how_much_was_looked_at_and_said(session: Session, arena: Arena) -> None:
    other = finish_session(open_session(arena, "fold the cloth"))
    tag(session, Said("category", "sorting"), Said("kind", "dexterity"))
    tag(session, Said("category", "sorting"))
    tag(other, Said("category", "cover-fold"))
    correct(session, "category", "tool-use", arena.dana)
    correct(session, "category", "sorting", make_steward())
    (looked,) = selectors.coverage(Session.objects.all())
    assert (looked.sessions, looked.answers) == (2, 4)
    assert selectors.voices(Session.objects.all()) == selectors.Voices(sessions=1, people=2, answers=2)
    assert selectors.voices(Session.objects.filter(pk=other.pk)) == selectors.Voices(0, 0, 0)


def test_each_question_has_a_key_of_its_own() -> None:
    assert len(QUESTIONS) == len(SESSION_QUESTIONS) + len(EPISODE_QUESTIONS)
    assert all(len(key) <= 40 and len(answer) <= 40 for key, one in QUESTIONS.items() for answer in one.answers)
