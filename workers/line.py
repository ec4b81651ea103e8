"""What waits in line for the workers, as the tables tell it: they know what a broker that was emptied has forgotten."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Min, Q, QuerySet

from arena.texts import since
from evaluations.models import MediaFile
from leaderboard.models import BoardRun
from reports import work
from reports.models import Work
from workers import queues


@dataclass(frozen=True)
class Line:
    """One queue: what it holds, how much of it waits, runs and has failed, and what is to be said beside it."""

    name: str
    what: str
    waiting: int
    running: int
    failed: int
    sentences: tuple[str, ...] = ()


_OF_WORK = {
    Work.Kind.TAG_SESSION: (queues.TAGGING, "sessions to be tagged"),
    Work.Kind.WRITE_REPORT: (queues.REPORTS, "reports to be written"),
}


def lines(*, now: datetime) -> list[Line]:
    return [_media(now), _ranking(now), *(_of_work(queue, now) for queue in work.queues())]


def _media(now: datetime) -> Line:
    """A file that could not be read is no failure of ours: its page says so."""
    pending = MediaFile.objects.filter(check_state=MediaFile.Check.PENDING)
    counts = _counts(pending, running=Q(claimed_at__isnull=False), since_when="received_at")
    return _line(queues.MEDIA, "videos and trajectories to be checked", counts, now)


def _ranking(now: datetime) -> Line:
    asked = BoardRun.objects.filter(Q(ended_at=None) | Q(ended_at__lt=F("asked_at")))
    counts = _counts(asked, running=Q(started_at__gte=F("asked_at")), since_when="asked_at")
    return _line(queues.RANKING, "boards to be computed", counts, now)


def _of_work(queue: work.Queue, now: datetime) -> Line:
    name, what = _OF_WORK[queue.kind]
    counts = {"waiting": queue.waiting, "running": queue.running, "failed": queue.failed, "oldest": queue.oldest}
    awaited = (f"{one.reason[:1].upper()}{one.reason[1:].rstrip('.')}. {one.in_line} in line." for one in queue.awaited)
    return _line(name, what, counts, now, *awaited)


def _counts(rows: QuerySet[Any], *, running: Q, since_when: str) -> dict[str, Any]:
    waits = ~running
    return rows.aggregate(
        waiting=Count("pk", filter=waits), running=Count("pk", filter=running), oldest=Min(since_when, filter=waits)
    )


def _line(name: str, what: str, counts: dict[str, Any], now: datetime, *sentences: str) -> Line:
    if counts["oldest"]:
        sentences = (*sentences, f"The first in line was asked for at {since(counts['oldest'], now)}.")
    return Line(name, what, counts["waiting"], counts["running"], counts.get("failed", 0), sentences)
