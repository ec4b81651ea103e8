"""Which versions have a report, which are due for a new one, and who asks for it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from math import ceil
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, QuerySet
from django.urls import reverse

from arena.errors import Conflict, NotFound
from arena.models import PolicyVersion
from evaluations.models import Exclusion, Side
from reports import work
from reports.evidence.reading import counted_sessions, counting
from reports.models import PolicyReport, Work

FIRST_AFTER = 5
"""Sessions that count, before there is a first report."""
AGAIN_AFTER = 5
AGAIN_AFTER_SHARE = 0.2
"""A new report comes after so many more sessions, and this share more, whichever is larger."""


def subject_of(version: PolicyVersion, other: PolicyVersion | None = None) -> str:
    """How a piece of work names what it is about."""
    return f"{version.label} {other.label}" if other else version.label


def versions_of(subject: str) -> tuple[PolicyVersion, PolicyVersion | None]:
    """Imported ones too."""
    first, _, second = subject.partition(" ")
    return _version(first), _version(second) if second else None


def _version(label: str) -> PolicyVersion:
    found = PolicyVersion.objects.select_related("policy__lab", "embodiment").labelled(label).first()
    if found is None:
        raise NotFound("version_unknown", f"There is no version {label}.")
    return found


def address(version: PolicyVersion, other: PolicyVersion | None = None) -> str:
    """The page of the report, by the names that everybody may know."""
    if other:
        return reverse("pair-report", args=[version.shown_label, other.shown_label])
    return reverse("policy-report", args=[version.shown_label])


def latest(version: PolicyVersion, other: PolicyVersion | None = None) -> PolicyReport | None:
    return PolicyReport.objects.filter(version=version, other=other).order_by("-number").first()


def find(*, now: datetime) -> int:
    """Ask for the reports that are due; how many."""
    due = [subject_of(version, other) for version, other in _due()]
    return work.ask_many(kind=Work.Kind.WRITE_REPORT, subjects=due, now=now)


def _due() -> Iterator[tuple[PolicyVersion, PolicyVersion | None]]:
    latest = list(_latest())
    shaken = _shaken(latest)
    last = {report.version_id: report for report in latest if report.other_id is None}
    counts = _counts()
    for version in PolicyVersion.objects.filter(pk__in=counts).select_related("policy"):
        report = last.get(version.pk)
        if _enough(counts[version.pk], report) or (report is not None and report.pk in shaken):
            yield version, None
    # One on two versions is written when somebody asks; again by itself only where it rests on what no longer counts.
    for report in latest:
        if report.other_id is None or report.pk not in shaken:
            continue
        if counted_sessions(report.version, report.other).exists():
            yield report.version, report.other


def _counts() -> dict[int, int]:
    sides = Side.objects.filter(session__in=counting()).order_by().values("version").annotate(n=Count("pk"))
    return dict(sides.values_list("version", "n"))


def _latest() -> QuerySet[PolicyReport]:
    """The last of each, without what makes them large."""
    ordered = PolicyReport.objects.order_by("version_id", "other_id", "-number").distinct("version_id", "other_id")
    found = PolicyReport.objects.filter(pk__in=ordered.values("pk")).select_related("version__policy", "other__policy")
    return found.defer("evidence", "claims", "changes")


def _enough(sessions: int, report: PolicyReport | None) -> bool:
    if report is None:
        return sessions >= FIRST_AFTER
    return sessions >= again_at(report)


def again_at(report: PolicyReport) -> int:
    """From how many sessions on a new report comes by itself."""
    return report.sessions + ceil(max(AGAIN_AFTER, AGAIN_AFTER_SHARE * report.sessions))


def _shaken(reports: Sequence[PolicyReport]) -> set[UUID]:
    """Those that knew a session which was excluded since. In one query, however many there are."""
    oldest = min((report.made_at for report in reports), default=None)
    if oldest is None:
        return set()
    since = Exclusion.objects.filter(created_at__gt=oldest).annotate(versions=ArrayAgg("session__sides__version"))
    excluded = list(since.values_list("created_at", "session__revealed_at", "versions"))
    return {
        report.pk
        for report in reports
        for excluded_at, revealed_at, versions in excluded
        if revealed_at is not None
        and revealed_at <= report.made_at < excluded_at
        and {report.version_id, report.other_id} - {None} <= {*versions}
    }


def ask(*, version: PolicyVersion, other: PolicyVersion | None, now: datetime, provider: str = "") -> Work:
    """Have a report written now, where there is something new to tell."""
    sessions, report = counted_sessions(version, other).count(), latest(version, other)
    if not sessions:
        raise NotFound("nothing_to_report", "No session of these counts yet.")
    if report is not None and report.sessions == sessions and not provider and not _shaken([report]):
        raise Conflict("report_is_current", "The report knows all sessions that count.")
    return work.ask(kind=Work.Kind.WRITE_REPORT, subject=subject_of(version, other), now=now, provider=provider)
