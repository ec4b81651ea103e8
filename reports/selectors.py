"""Reads for the pages and the API of reports."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from arena.errors import NotFound
from arena.models import PolicyVersion
from reports import pages, policy_reports, work
from reports.evidence.reading import counted_sessions
from reports.models import PolicyReport, Work
from reports.told import told


@dataclass(frozen=True)
class Waiting:
    """A report that is asked for. since: it is written since then, or waits; before: how many are in line before it."""

    state: str
    since: datetime
    before: int = 0
    reason: str = ""
    again_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state in work.OPEN


def reports_on(version: PolicyVersion, other: PolicyVersion | None) -> QuerySet[PolicyReport]:
    """All that were written, the latest first."""
    rows = PolicyReport.objects.filter(version=version, other=other).order_by("-number")
    return rows.select_related("version__policy__lab", "version__embodiment", "other__policy__lab")


def report_numbered(version: PolicyVersion, other: PolicyVersion | None, number: str | None) -> PolicyReport:
    """The one of this number, or the latest."""
    rows = reports_on(version, other)
    if number is not None:
        rows = rows.filter(number=int(number)) if number.isdecimal() and len(number) < 6 else rows.none()
    found = rows.first()
    if found is None:
        raise NotFound("report_unknown", "There is no such report.")
    return found


def report_page(version: PolicyVersion, other: PolicyVersion | None, number: str | None) -> dict[str, Any]:
    """All that the page shows, also where no report was written yet."""
    numbers = list(reports_on(version, other).values_list("number", "made_at", "sessions"))
    counted = counted_sessions(version, other).count()
    page: dict[str, Any] = {
        "version": version,
        "other": other,
        "earlier": numbers,
        "counted": counted,
        "waiting": waiting(version, other),
        "first_after": policy_reports.FIRST_AFTER,
    }
    if not numbers and number is None:
        return page
    report = report_numbered(version, other, number)
    found = told(report)
    return page | {
        "report": report,
        "told": found,
        "tables": pages.tables(found),
        "sections": pages.sections(found),
        "changes": pages.changes(found),
        "is_latest": report.number == numbers[0][0],
        "more": counted - report.sessions,
        "again_at": policy_reports.again_at(report),
    }


def waiting(version: PolicyVersion, other: PolicyVersion | None) -> Waiting | None:
    """How the last wish for a report stands, unless it was fulfilled or a steward put it aside."""
    subject = policy_reports.subject_of(version, other)
    asked = Work.objects.filter(kind=Work.Kind.WRITE_REPORT)
    last = asked.filter(subject=subject).order_by("-asked_at").first()
    if last is None or last.state in (Work.State.DONE, Work.State.SKIPPED):
        return None
    if last.state == Work.State.RUNNING and last.leased_until is not None:
        return Waiting(last.state, last.leased_until - work.LEASE)
    before = asked.filter(state=Work.State.WAITING, asked_at__lt=last.asked_at).count()
    again_at = last.next_try_at if last.reason else None
    return Waiting(last.state, last.ended_at or last.asked_at, before, last.reason, again_at)
