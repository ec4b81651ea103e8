"""Reads of tags: what stands, who said it, who said otherwise, and how often taggers and people agree."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import BooleanField, Count, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from evaluations.intervals import wilson_interval
from evaluations.models import ProposedProgress, Session, Side, Tag, Tagging
from evaluations.tags import taggers
from evaluations.tags.questions import EPISODE_QUESTIONS, QUESTIONS, SESSION_QUESTIONS, YES, TagQuestion


@dataclass(frozen=True)
class Standing:
    """What is held of one question: the last person's word, else the last tagger's. `said` holds all, oldest first."""

    question: TagQuestion
    said: Sequence[Tag]

    @property
    def tag(self) -> Tag | None:
        by_people = [tag for tag in self.said if tag.person_id is not None]
        return next(reversed(by_people or self.said), None)

    @property
    def words(self) -> str:
        return self.words_of(self.tag) if self.tag else ""

    def words_of(self, tag: Tag) -> str:
        return self.question.answers.get(tag.answer, tag.answer)

    @property
    def by_person(self) -> bool:
        tag = self.tag
        return tag is not None and tag.person_id is not None

    @property
    def earlier(self) -> list[Tag]:
        """What was said before what stands, and beside it."""
        return [tag for tag in self.said if tag is not self.tag]


@dataclass(frozen=True)
class SideTags:
    side: Side
    standing: Sequence[Standing]
    proposed: ProposedProgress | None

    @property
    def seen(self) -> list[Standing]:
        """The failures, and the recovery, that are held to have happened."""
        return [one for one in self.standing if one.tag is not None and one.tag.answer == YES]


@dataclass(frozen=True)
class SessionTags:
    session: Sequence[Standing]
    sides: Sequence[SideTags]
    taggings: Sequence[Tagging]

    @property
    def told(self) -> bool:
        return bool(self.taggings) or any(one.said for one in self.session)


def tags_of(session: Session, sides: Sequence[Side]) -> SessionTags:
    """All that was said of a session, in three queries."""
    by_subject: dict[tuple[int | None, str], list[Tag]] = defaultdict(list)
    for tag in Tag.objects.filter(session=session).select_related("tagging", "person").order_by("made_at", "pk"):
        by_subject[tag.side_id, tag.question].append(tag)
    proposals = ProposedProgress.objects.filter(tagging__session=session).select_related("tagging")
    proposed = {one.side_id: one for one in proposals.order_by("tagging__made_at", "pk")}
    return SessionTags(
        session=_standing(SESSION_QUESTIONS, None, by_subject),
        sides=[
            SideTags(side, _standing(EPISODE_QUESTIONS, side.pk, by_subject), proposed.get(side.pk)) for side in sides
        ],
        taggings=list(Tagging.objects.filter(session=session).order_by("made_at", "pk")),
    )


def _standing(
    questions: Iterable[TagQuestion], side_id: int | None, said: dict[tuple[int | None, str], list[Tag]]
) -> list[Standing]:
    return [Standing(question, said.get((side_id, question.key), [])) for question in questions]


def standing_tags(sessions: QuerySet[Session]) -> QuerySet[Tag]:
    """Of many sessions the tags that stand: of each question the last person's word, else the last tagger's."""
    return (
        Tag.objects.filter(session__in=sessions)
        .annotate(by_tagger=ExpressionWrapper(Q(person=None), output_field=BooleanField()))
        .order_by("session_id", "side_id", "question", "by_tagger", "-made_at", "-pk")
        .distinct("session_id", "side_id", "question")
    )


@dataclass(frozen=True)
class Agreement:
    """How often people said the same as a tagger, where both answered: `same` of `both`, with the 95 % interval."""

    provider: str
    model: str
    prompt_version: str
    question: TagQuestion
    same: int
    both: int

    @property
    def in_words(self) -> str:
        return taggers.in_words(provider=self.provider, model=self.model, prompt_version=self.prompt_version)

    @property
    def share(self) -> float:
        return self.same / self.both

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(self.same, self.both)


def agreement(sessions: QuerySet[Session]) -> list[Agreement]:
    """Of each tagger and question, over all answers on these sessions that a person has confirmed or corrected."""
    by_people = (
        Tag.objects.filter(person__isnull=False, session=OuterRef("session"), question=OuterRef("question"))
        .annotate(subject=Coalesce("side", 0))
        .filter(subject=Coalesce(OuterRef("side"), 0))
        .order_by("-made_at", "-pk")
    )
    said_by_people = Tag.objects.filter(person__isnull=False, session__in=sessions)
    answered = (
        Tag.objects.filter(tagging__isnull=False, session__in=said_by_people.values("session"))
        .annotate(word=Subquery(by_people.values("answer")[:1]))
        .filter(word__isnull=False)
        .order_by()
        .values("tagging__provider", "tagging__model", "tagging__prompt_version", "question")
        .annotate(both=Count("pk"), same=Count("pk", filter=Q(word=F("answer"))))
    )
    found = [
        Agreement(
            provider=row["tagging__provider"],
            model=row["tagging__model"],
            prompt_version=row["tagging__prompt_version"],
            question=QUESTIONS[row["question"]],
            same=row["same"],
            both=row["both"],
        )
        for row in answered
        if row["question"] in QUESTIONS
    ]
    return sorted(found, key=lambda one: (one.provider, one.model, one.prompt_version, _ORDER[one.question.key]))


_ORDER = {key: place for place, key in enumerate(QUESTIONS)}


@dataclass(frozen=True)
class Coverage:
    """How much a tagger looked at: sessions, and answers in all."""

    provider: str
    model: str
    prompt_version: str
    sessions: int
    answers: int

    @property
    def in_words(self) -> str:
        return taggers.in_words(provider=self.provider, model=self.model, prompt_version=self.prompt_version)


def coverage(sessions: QuerySet[Session]) -> list[Coverage]:
    looks = (
        Tagging.objects.filter(session__in=sessions)
        .order_by()
        .values("provider", "model", "prompt_version")
        .annotate(sessions=Count("session", distinct=True), answers=Count("tags"))
        .order_by("-sessions", "provider", "model", "prompt_version")
    )
    return [Coverage(**look) for look in looks]


@dataclass(frozen=True)
class Voices:
    """What people said: on so many sessions, so many of them, so many answers."""

    sessions: int
    people: int
    answers: int


def voices(sessions: QuerySet[Session]) -> Voices:
    said = Tag.objects.filter(person__isnull=False, session__in=sessions)
    counts = said.aggregate(
        sessions=Count("session", distinct=True), people=Count("person", distinct=True), answers=Count("pk")
    )
    return Voices(**counts)
