"""The queue of taggers and writers. The row is the queue; a job sent to the broker is only a nudge.

A piece of work is taken with a lease by a conditional update. Whoever holds the lease ends it in one of four ways:
done, postponed (a service is away, nothing was tried), tried in vain (once more later, after a few times failed), or
not at all, when its worker died: then the lease runs out, which counts as tried in vain. What is told of a lease that
is somebody else's by now changes nothing, so that each piece is done once.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, F, Min, Q

from arena import audit
from arena.errors import AccessDenied, Conflict
from arena.jobs import Job, enqueue
from arena.models import Person
from arena.texts import clean_text
from reports.models import Work
from reports.providers import Misconfigured, Temporary, Unusable, Waiting

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=15)
"""Longer than any task may run."""
MAX_ATTEMPTS = 6
"""One more than open a circuit: what asks a dead provider all alone has then learnt that it is to wait."""
PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
STALE = timedelta(minutes=1)
SWEEP_BATCH = 2000
"""More than all workers do between two sweeps, lest they stand idle while there is work."""
AFTER_PROBE = timedelta(minutes=1)
UNTIL_SETTINGS_CHANGE = timedelta(minutes=15)
UNEXPECTED = "It failed unexpectedly; the log has the rest."
LONGEST_REASON = 300

OPEN = (Work.State.WAITING, Work.State.RUNNING)
JOBS = {Work.Kind.TAG_SESSION: Job.TAG_SESSION, Work.Kind.WRITE_REPORT: Job.WRITE_REPORT}


def ask(*, kind: Work.Kind, subject: str, now: datetime, provider: str = "") -> Work:
    """Have something done. What waits or runs already is not asked for twice."""
    fields = {"provider": provider, "asked_at": now, "next_try_at": now}
    work, created = Work.objects.get_or_create(kind=kind, subject=subject, state__in=OPEN, defaults=fields)
    if created:
        nudge(work)
    return work


def ask_many(*, kind: Work.Kind, subjects: Iterable[str], now: datetime) -> int:
    """The same for many at once; how many are new."""
    rows = [Work(kind=kind, subject=subject, asked_at=now, next_try_at=now) for subject in subjects]
    Work.objects.bulk_create(rows, ignore_conflicts=True)
    new = list(Work.objects.filter(pk__in=[row.pk for row in rows]))
    for work in new:
        nudge(work)
    return len(new)


def nudge(work: Work) -> None:
    enqueue(JOBS[Work.Kind(work.kind)], work_id=str(work.pk))


def take(*, work_id: uuid.UUID | str, now: datetime) -> Work | None:
    """The lease of a piece of work that is due. None: it is not due, somebody is at it, or it is over."""
    lease = uuid.uuid4()
    due = Work.objects.filter(_due(now), pk=work_id)
    if not due.update(state=Work.State.RUNNING, lease=lease, leased_until=now + LEASE, attempts=F("attempts") + 1):
        return None
    work = Work.objects.get(pk=work_id)
    if work.attempts > MAX_ATTEMPTS:  # the last lease ran out: its worker died at it
        _end(work, Work.State.FAILED, now=now, reason="Its worker ended at it, again and again.")
        return None
    return work


def done(work: Work, *, now: datetime) -> bool:
    return _end(work, Work.State.DONE, now=now)


def postpone(work: Work, *, until: datetime, reason: str, waits_for: str = "") -> bool:
    """Nothing was tried: what it needs is not there. That counts as no attempt."""
    return _release(work, next_try_at=until, reason=reason, waits_for=waits_for, attempts=F("attempts") - 1)


def try_again(work: Work, *, now: datetime, reason: str, at: datetime | None = None) -> bool:
    """It was tried in vain; after a few times it has failed."""
    if work.attempts >= MAX_ATTEMPTS:
        return fail(work, now=now, reason=reason)
    pause = PAUSES[min(work.attempts, len(PAUSES)) - 1]
    return _release(work, next_try_at=max(now + pause, at or now), reason=reason, waits_for="")


def fail(work: Work, *, now: datetime, reason: str) -> bool:
    """There is no use in trying again before somebody changes something."""
    if not _end(work, Work.State.FAILED, now=now, reason=reason):
        return False
    audit.record("work:failed", subject=f"work:{work.pk}", kind=work.kind, about=work.subject, reason=reason)
    return True


@contextmanager
def told_of_failure(work: Work, *, service: str, now: datetime) -> Iterator[None]:
    """What a provider could not do becomes the next step of the work; whatever else goes wrong counts as an attempt."""
    try:
        yield
    except Waiting as error:
        postpone(work, until=error.until, reason=str(error), waits_for=service)
    except Misconfigured as error:
        postpone(work, until=now + UNTIL_SETTINGS_CHANGE, reason=str(error), waits_for=service)
    except Temporary as error:
        if error.was_probe:
            postpone(work, until=now + AFTER_PROBE, reason=str(error), waits_for=service)
            return
        at = now + timedelta(seconds=error.retry_after_s) if error.retry_after_s else None
        try_again(work, now=now, reason=str(error), at=at)
    except Unusable as error:
        fail(work, now=now, reason=str(error))
    except Exception:
        logger.exception("work:%s failed", work.pk)
        try_again(work, now=now, reason=UNEXPECTED)


def _release(work: Work, *, reason: str, **fields: object) -> bool:
    row = Work.objects.filter(pk=work.pk, state=Work.State.RUNNING, lease=work.lease)
    free = {"state": Work.State.WAITING, "lease": None, "leased_until": None, "reason": reason[:LONGEST_REASON]}
    return bool(row.update(**free, **fields))


def _end(work: Work, state: Work.State, *, now: datetime, reason: str = "") -> bool:
    row = Work.objects.filter(pk=work.pk, state=Work.State.RUNNING, lease=work.lease)
    over = {"state": state, "lease": None, "leased_until": None, "ended_at": now, "waits_for": ""}
    return bool(row.update(**over, reason=reason[:LONGEST_REASON]))


def _due(now: datetime) -> Q:
    waits = Q(state=Work.State.WAITING, next_try_at__lte=now)
    return waits | Q(state=Work.State.RUNNING, leased_until__lt=now)


def sweep(*, now: datetime) -> int:
    """Nudge what is due and was not taken for a while: its nudge was lost, its worker died, or its pause is over."""
    overdue = Work.objects.filter(_due(now)).filter(
        Q(state=Work.State.RUNNING) | Q(next_try_at__lt=now - STALE) | Q(attempts__gt=0) | ~Q(reason="")
    )
    found = list(overdue.order_by("next_try_at")[:SWEEP_BATCH])
    for work in found:
        nudge(work)
    return len(found)


def wake(*, service: str, now: datetime) -> int:
    """A service that was away is back: what waits for it is due, and the next sweep nudges it."""
    held = Work.objects.filter(state=Work.State.WAITING, waits_for=service, next_try_at__gt=now)
    return held.update(next_try_at=now)


# What stewards do


@transaction.atomic
def retry(*, work: Work, by: Person, now: datetime, provider: str = "") -> Work:
    """Once more, now, from the first attempt; by another provider where one is named."""
    _require_steward(by)
    fields = {"state": Work.State.WAITING, "attempts": 0, "reason": "", "waits_for": "", "next_try_at": now}
    free = {"lease": None, "leased_until": None, "ended_at": None}
    rows = Work.objects.filter(pk=work.pk).exclude(state=Work.State.DONE).exclude(state=Work.State.RUNNING)
    others = Work.objects.filter(kind=work.kind, subject=work.subject, state__in=OPEN).exclude(pk=work.pk)
    if others.exists() or not rows.update(provider=provider or work.provider, **fields, **free):
        raise Conflict("work_not_waiting", "It is done, it runs, or it waits already.", hint="Reload the page.")
    audit.record("work:retried", subject=f"work:{work.pk}", person=by, about=work.subject, provider=provider)
    work.refresh_from_db()
    nudge(work)
    return work


@transaction.atomic
def skip(*, work: Work, by: Person, comment: str, now: datetime) -> Work:
    """It is not to be done. Somebody who asks for it again later asks anew."""
    _require_steward(by)
    comment = clean_text(comment, field="comment", longest=LONGEST_REASON, required=True)
    rows = Work.objects.filter(pk=work.pk, state__in=(Work.State.WAITING, Work.State.FAILED))
    if not rows.update(state=Work.State.SKIPPED, ended_at=now, reason=comment, waits_for=""):
        raise Conflict("work_not_waiting", "It is done, or it runs.", hint="Reload the page.")
    audit.record("work:skipped", subject=f"work:{work.pk}", person=by, about=work.subject, comment=comment)
    work.refresh_from_db()
    return work


def _require_steward(person: Person) -> None:
    if not person.is_staff:
        raise AccessDenied("not_a_steward", "Only a steward may.")


# What the page of the platform's state shows


@dataclass(frozen=True)
class Queue:
    """Of one kind of work: how much waits, runs and failed, since when the oldest waits, which services it awaits."""

    kind: Work.Kind
    waiting: int
    running: int
    failed: int
    oldest: datetime | None
    awaited: tuple["Awaited", ...]


@dataclass(frozen=True)
class Awaited:
    service: str
    in_line: int
    reason: str


def queues() -> list[Queue]:
    """In two queries."""
    by_state = Work.objects.order_by().values("kind", "state").annotate(n=Count("pk"), oldest=Min("asked_at"))
    counts: Counter[tuple[str, str]] = Counter({(row["kind"], row["state"]): row["n"] for row in by_state})
    oldest = {row["kind"]: row["oldest"] for row in by_state if row["state"] == Work.State.WAITING}
    held = Work.objects.filter(state=Work.State.WAITING).exclude(waits_for="").order_by()
    held_by_service = held.values("kind", "waits_for").annotate(n=Count("pk"), why=Min("reason"))
    awaited = [(row["kind"], Awaited(row["waits_for"], row["n"], row["why"])) for row in held_by_service]
    return [
        Queue(
            kind=kind,
            waiting=counts[kind, Work.State.WAITING],
            running=counts[kind, Work.State.RUNNING],
            failed=counts[kind, Work.State.FAILED],
            oldest=oldest.get(kind),
            awaited=tuple(one for of, one in awaited if of == kind),
        )
        for kind in Work.Kind
    ]
