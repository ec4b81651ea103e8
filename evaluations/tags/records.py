"""Tags are written: by a tagger all that it says of a session at once, by a person one answer at a time."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from arena import affiliations, audit, stakes
from arena.errors import AccessDenied, ArenaError, Conflict
from arena.jobs import Job, enqueue
from arena.models import Membership, Person, PolicyVersion
from arena.texts import clean_text
from evaluations.models import ProposedProgress, Session, Side, Tag, Tagging
from evaluations.tags.questions import CATEGORY, QUESTIONS, About

LONGEST_WHY = 300
LATEST_MOMENT_S = 24 * 60 * 60


@dataclass(frozen=True)
class Said:
    """One answer of a tagger: `label` is the side that it is about, None for the session."""

    question: str
    answer: str
    label: str | None = None
    why: str = ""
    moment_s: float | None = None


@dataclass(frozen=True)
class ProgressSaid:
    label: str
    progress: float
    why: str = ""


@dataclass(frozen=True)
class Tagger:
    """What looked at a session, and what that cost."""

    provider: str
    model: str
    prompt_version: str
    pictures: int = 0
    seconds: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None


@transaction.atomic
def record(
    *, session: Session, tagger: Tagger, said: Sequence[Said], now: datetime, progress: Collection[ProgressSaid] = ()
) -> Tagging:
    """Keep what a tagger said. The ranking takes its task category from here on, where no person said another."""
    sides = _sides_to_tag(session)
    tagging = Tagging.objects.create(session=session, made_at=now, **vars(tagger))
    Tag.objects.bulk_create(
        Tag(
            session=session,
            side=sides[one.label] if one.label else None,
            question=_checked(one.question, one.answer, about_side=one.label is not None),
            answer=one.answer,
            why=one.why[:LONGEST_WHY],
            moment_s=one.moment_s,
            tagging=tagging,
            made_at=now,
        )
        for one in said
    )
    ProposedProgress.objects.bulk_create(
        ProposedProgress(tagging=tagging, side=sides[one.label], progress=one.progress, why=one.why[:LONGEST_WHY])
        for one in progress
    )
    category = next((one.answer for one in said if one.question == CATEGORY), "")
    if category:
        _set_category(session, tagged_category=category)
    audit.record("session:tagged", subject=f"session:{session.pk}", provider=tagger.provider, model=tagger.model)
    return tagging


@transaction.atomic
def correct(
    *,
    session: Session,
    question: str,
    answer: str,
    by: Person,
    now: datetime,
    label: str | None = None,
    why: str = "",
    moment_s: float | None = None,
) -> Tag:
    """A person's word stands before any tagger's, the last person's before earlier ones. A repeat changes nothing."""
    require_right(by, session)
    sides = _sides_to_tag(session)
    if label is not None and label not in sides:
        raise ArenaError("bad_field", "label: Say A or B.")
    side = sides[label] if label else None
    _checked(question, answer, about_side=side is not None)
    if moment_s is not None and not (side and 0 <= moment_s <= LATEST_MOMENT_S):
        raise ArenaError("bad_field", "moment_s: Seconds from the beginning of a rollout's videos.")
    why = clean_text(why, field="why", longest=LONGEST_WHY)
    # One at a time, so that the last word here and the session's category are of the same person.
    Session.objects.select_for_update().get(pk=session.pk)
    if side is not None and moment_s is None:
        moment_s = _moment_told(side, question, answer)
    latest = Tag.objects.filter(session=session, side=side, question=question, person__isnull=False).last()
    if latest is not None and _says_it_already(latest, by=by, answer=answer, why=why, moment_s=moment_s):
        return latest
    tag = Tag.objects.create(
        session=session,
        side=side,
        question=question,
        answer=answer,
        why=why,
        moment_s=moment_s,
        person=by,
        made_at=max(now, latest.made_at) if latest else now,
    )
    if question == CATEGORY:
        _set_category(session, corrected_category=answer)
    audit.record("session:tag-corrected", subject=f"session:{session.pk}", person=by, question=question, answer=answer)
    return tag


def _says_it_already(latest: Tag, *, by: Person, answer: str, why: str, moment_s: float | None) -> bool:
    """A repeat may leave out the reason; another one than before, or another moment, is a further word."""
    same = (latest.person_id, latest.answer, latest.moment_s) == (by.pk, answer, moment_s)
    return same and why in ("", latest.why)


def _moment_told(side: Side, question: str, answer: str) -> float | None:
    """Who confirms what was seen confirms when: the moment last told with this answer."""
    told = Tag.objects.filter(side=side, question=question, answer=answer, moment_s__isnull=False)
    return told.values_list("moment_s", flat=True).last()


_WHO_MAY = "Its evaluator, stewards and members of labs may, where no lab of theirs has a stake in either policy."


def require_right(person: Person, session: Session) -> None:
    if not may_correct(person, session):
        raise AccessDenied("has_a_stake", "You cannot tag this session.", hint=_WHO_MAY)


def may_correct(person: Person | None, session: Session) -> bool:
    """Stewards, the session's evaluator, and members of any lab: unless a lab of theirs has a stake in it."""
    if person is None:
        return False
    labs = frozenset(Membership.objects.filter(person=person).values_list("lab", flat=True))
    if not (labs or person.is_staff or session.evaluator_id == person.pk):
        return False
    barred = labs | affiliations.barred_labs(labs)
    versions = PolicyVersion.objects.filter(sides__session=session)
    own = Q(policy__lab__in=barred) | Q(pk__in=stakes.versions_barred_to(labs))
    return not versions.filter(own).exists()


def _sides_to_tag(session: Session) -> dict[str, Side]:
    """Only what the world may see is tagged: before the reveal a tag could tell who is who."""
    if not Session.objects.public().filter(pk=session.pk).exists():
        raise Conflict("session_not_published", "Only a session that is published can be tagged.")
    return {side.label: side for side in Side.objects.filter(session=session)}


def _checked(question: str, answer: str, *, about_side: bool) -> str:
    found = QUESTIONS.get(question)
    if found is None or (found.about is About.EPISODE) is not about_side:
        raise ArenaError("bad_field", "question: There is no such question.")
    if answer not in found.answers:
        raise ArenaError("bad_field", f"answer: One of {', '.join(found.answers)}.")
    return question


def _set_category(session: Session, **category: str) -> None:
    Session.objects.filter(pk=session.pk).update(**category)
    enqueue(Job.RECOMPUTE_BOARDS)
