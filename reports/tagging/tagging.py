"""A session is tagged: what is to be looked at is found, a tagger is asked, and its word is kept once."""

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef
from django.db.models.functions import Cast

from arena.models import Source
from evaluations.models import MediaFile, Session
from evaluations.tags import records
from evaluations.tags.records import ProgressSaid, Said, Tagger
from reports import providers, work
from reports.builtin import tagger as builtin
from reports.models import Work
from reports.providers import BUILTIN, Provider, Purpose, Question
from reports.tagging import looking, prompt

BATCH = 2000
UNTIL_VIDEOS_ARE_CHECKED = timedelta(minutes=1)

Told = tuple[Tagger, list[Said], list[ProgressSaid]]


def find(*, now: datetime) -> int:
    """Ask for tags of published sessions that nobody asked for yet; how many there were."""
    asked = Work.objects.filter(kind=Work.Kind.TAG_SESSION, subject=OuterRef("subject"))
    untagged = (
        Session.objects.valid()
        .filter(source=Source.REGISTERED)
        .annotate(subject=Cast("pk", CharField()))
        .filter(~Exists(asked))
        .order_by("closed_at")
    )
    found = list(untagged.values_list("subject", flat=True)[:BATCH])
    work.ask_many(kind=Work.Kind.TAG_SESSION, subjects=found, now=now)
    return len(found)


def do(*, work_id: uuid.UUID | str, now: datetime) -> None:
    """Tag the session that this piece of work is about, or say why not and when again. A repeat does nothing."""
    piece = work.take(work_id=work_id, now=now)
    if piece is None:
        return
    session = Session.objects.valid().filter(pk=piece.subject).first()
    if session is None:
        work.fail(piece, now=now, reason="The session is not published any more.")
        return
    if MediaFile.objects.filter(side__session=session, check_state=MediaFile.Check.PENDING).exists():
        work.postpone(piece, until=now + UNTIL_VIDEOS_ARE_CHECKED, reason="Its videos are not checked yet.")
        return
    _look(piece, session, now)


def _look(piece: Work, session: Session, now: datetime) -> None:
    chosen = providers.chosen(piece.provider, providers.for_tagging)
    with work.told_of_failure(piece, service=chosen.name if chosen else "", now=now):
        tagger, tags, progress = _ask(chosen, session, now) if chosen else _by_rules(session)
        _keep(piece, session, tagger, tags, progress, now)


def _by_rules(session: Session) -> Told:
    return Tagger(BUILTIN, "", builtin.VERSION), builtin.said(looking.look_at(session, pictures=False)), []


def _ask(provider: Provider, session: Session, now: datetime) -> Told:
    look = looking.look_at(session, pictures=True)
    question = Question(
        purpose=Purpose.TAGS,
        prompt_version=prompt.PROMPT_VERSION,
        system=prompt.SYSTEM,
        text=prompt.words(instruction=session.instruction, facts=look.in_words()),
        schema=prompt.SeenSession,
        pictures=look.pictures,
    )
    answer = provider.ask(question, now=now)
    tags, progress = prompt.said(answer.value)
    tagger = Tagger(
        provider=answer.provider,
        model=answer.model,
        prompt_version=answer.prompt_version,
        pictures=len(look.pictures),
        seconds=answer.seconds,
        tokens_in=answer.tokens_in,
        tokens_out=answer.tokens_out,
        cost=answer.cost,
    )
    return tagger, tags, progress


@transaction.atomic
def _keep(
    piece: Work, session: Session, tagger: Tagger, said: list[Said], progress: list[ProgressSaid], now: datetime
) -> None:
    """With the end of the work in one transaction: whoever lost the lease meanwhile keeps nothing."""
    if work.done(piece, now=now):
        records.record(session=session, tagger=tagger, said=said, now=now, progress=progress)
