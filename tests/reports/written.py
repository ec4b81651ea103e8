"""Sessions that the first of two policies wins, and reports that are written on them."""

from datetime import datetime

from django.utils import timezone

from arena.models import PolicyVersion
from evaluations.models import Preference, Session, Side
from reports import policy_reports, work
from reports.models import PolicyReport, Work
from reports.writing import writing
from tests.factories import Arena, finish_session, open_session


def play(
    arena: Arena, instruction: str, notes: str = "", now: datetime | None = None, video: bytes | None = None
) -> Session:
    session = open_session(arena, instruction, now=now)
    best = Side.objects.get(session=session, version=arena.versions[0])
    won = best.label == "A"
    return finish_session(
        session,
        preference=Preference(best.label),
        progress=(0.9, 0.2) if won else (0.2, 0.9),
        notes=notes or f"Policy {best.label} completed the task.",
        video=video,
        now=now,
    )


def write(version: PolicyVersion, other: PolicyVersion | None = None, provider: str = "") -> PolicyReport | None:
    piece = work.ask(
        kind=Work.Kind.WRITE_REPORT,
        subject=policy_reports.subject_of(version, other),
        now=timezone.now(),
        provider=provider,
    )
    writing.do(work_id=piece.pk, now=timezone.now())
    return policy_reports.latest(version, other)
