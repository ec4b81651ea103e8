"""Once a week owners are told by e-mail which reports on their policies are new, and what changed in them."""

from collections import defaultdict
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from arena import notices
from arena.models import OWNER_ROLES, Membership, Notice, NoticeKind
from reports import policy_reports
from reports.models import PolicyReport

CHANGES_TOLD = 3
REPORTS_TOLD = 20


def write(*, now: datetime) -> int:
    """Digests of the week that ended on Monday, 00:00 UTC, one a person; a repeat writes none. How many are new."""
    monday = (now - timedelta(days=now.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    by_lab = _latest_by_lab(monday)
    written = 0
    owners = Membership.objects.filter(lab__in=by_lab, role__in=OWNER_ROLES).select_related("person").order_by("pk")
    by_person: dict[int, list[Membership]] = defaultdict(list)
    for membership in owners:
        by_person[membership.person_id].append(membership)
    for memberships in by_person.values():
        reports = [report for one in memberships for report in by_lab[one.lab_id]]
        written += _tell(memberships[0], reports, monday)
    return written


def _latest_by_lab(monday: datetime) -> dict[int, list[PolicyReport]]:
    """Of each version the last report of the week before, by the lab that owns it."""
    week = PolicyReport.objects.filter(made_at__gte=monday - timedelta(days=7), made_at__lt=monday)
    mine = week.filter(Q(other=None), version__policy__lab__isnull=False)
    latest = mine.order_by("version_id", "-number").distinct("version_id").select_related("version__policy")
    by_lab: dict[int, list[PolicyReport]] = defaultdict(list)
    for report in latest.defer("evidence"):
        assert report.version.policy.lab_id is not None
        by_lab[report.version.policy.lab_id].append(report)
    return by_lab


@transaction.atomic
def _tell(membership: Membership, reports: list[PolicyReport], monday: datetime) -> int:
    key = f"digest:{monday:%Y-%m-%d}:{membership.person_id}"
    is_new = not Notice.objects.filter(key=key).exists()
    noun = "report" if len(reports) == 1 else "reports"
    notices.write(
        kind=NoticeKind.REPORT_DIGEST,
        person=membership.person,
        key=key,
        subject=f"{len(reports)} new {noun} on your policies",
        text="\n\n".join(_paragraph(report) for report in reports[:REPORTS_TOLD]),
        path=policy_reports.address(reports[0].version) if len(reports) == 1 else "/lab",
    )
    return int(is_new)


def _paragraph(report: PolicyReport) -> str:
    first = next((claim["text"] for claim in report.claims), "Nothing could be said.")
    lines = [f"{report.version.label}, report {report.number}, {report.sessions} sessions, by {report.source}.", first]
    for change in report.changes[:CHANGES_TOLD]:
        if change["before"] is not None:
            lines.append(
                f"- {change['words']}: {change['figure']} {change['before']:.0%} before, {change['now']:.0%} now"
            )
    return "\n".join([*lines, f"It is at {policy_reports.address(report.version)}"])
