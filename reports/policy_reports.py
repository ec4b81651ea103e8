"""Which versions have a report, which are due for a new one, and who asks for it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from math import ceil

from django.db.models import Count, QuerySet

from arena.errors import Conflict, NotFound
from arena.models import PolicyVersion
from evaluations.models import Exclusion, Session, Side
from evaluations.pairing import DrawKind
from reports import work
from reports.evidence.reading import counted_sessions
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


def latest(version: PolicyVersion, other: PolicyVersion | None = None) -> PolicyReport | None:
    return PolicyReport.objects.filter(version=version, other=other).order_by("-number").first()


def find(*, now: datetime) -> int:
    """Ask for the reports that are due; how many."""
    due = [subject_of(version, other) for version, other in _due()]
    return work.ask_many(kind=Work.Kind.WRITE_REPORT, subjects=due, now=now)


def _due() -> Iterator[tuple[PolicyVersion, PolicyVersion | None]]:
    latest = list(_latest())
    shaken = {report.pk for report in latest if _rests_on_excluded(report)} if _any_excluded_since(latest) else set()
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
    counted = Session.objects.valid().not_excluded().exclude(draw_kind=DrawKind.SAME_POLICY)
    sides = Side.objects.filter(session__in=counted).order_by().values("version").annotate(n=Count("pk"))
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


def _any_excluded_since(reports: Sequence[PolicyReport]) -> bool:
    oldest = min((report.made_at for report in reports), default=None)
    return oldest is not None and Exclusion.objects.filter(created_at__gt=oldest).exists()


def _rests_on_excluded(report: PolicyReport) -> bool:
    """Whether a session that it knew was excluded since."""
    since = Exclusion.objects.filter(created_at__gt=report.made_at, session__revealed_at__lte=report.made_at)
    since = since.filter(session__sides__version=report.version_id)
    if report.other_id is not None:
        since = since.filter(session__in=Side.objects.filter(version=report.other_id).values("session"))
    return since.exists()


def ask(*, version: PolicyVersion, other: PolicyVersion | None, now: datetime, provider: str = "") -> Work:
    """Have a report written now, where there is something new to tell."""
    sessions, report = counted_sessions(version, other).count(), latest(version, other)
    if not sessions:
        raise NotFound("nothing_to_report", "No session of these counts yet.")
    if report is not None and report.sessions == sessions and not provider and not _rests_on_excluded(report):
        raise Conflict("report_is_current", "The report knows all sessions that count.")
    return work.ask(kind=Work.Kind.WRITE_REPORT, subject=subject_of(version, other), now=now, provider=provider)
