"""Reports for programs."""

import uuid

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from arena.api.fields import Input, Text
from arena.api.pagination import PageQuery, page_of
from arena.api.permissions import OWN, Open, key_of, labs_of
from arena.api.views import ApiView, answer, read
from arena.models import Person, PolicyVersion
from reports import access, policy_reports, selectors, told
from reports.access import Reader
from reports.outputs import AskedOutput, ReportOutput, ReportPageOutput, asked_shown

_AGAINST = "Another version (SLUG@VERSION): reports on what the first did against it."


class ReportsQuery(PageQuery):
    against = Text(max_length=140, default="", help_text=_AGAINST)


class ReportInput(Input):
    against = Text(max_length=140, default="", allow_blank=True, help_text=_AGAINST)


class ReportView(ApiView):
    tag = "Reports"

    def reader(self, request: Request) -> Reader:
        """A key acts in its own lab, and for no steward."""
        if not isinstance(request.user, Person):
            return Reader(None)
        by_browser = key_of(request) is None
        return access.reader_in(labs_of(request), request.user, is_steward=by_browser and request.user.is_staff)

    def versions(self, request: Request, label: str, against: str) -> tuple[PolicyVersion, PolicyVersion | None]:
        return access.versions_to_read(self.reader(request), label, against)


class VersionReports(ReportView):
    access = {"GET": Open.TO_ALL, "POST": OWN}
    queries = {"GET": ReportsQuery}

    @extend_schema(responses=ReportPageOutput)
    def get(self, request: Request, label: str) -> Response:
        """The reports on a policy version, the latest first. On one that is unlisted: for its own lab."""
        version, other = self.versions(request, label, self.query["against"])
        rows = selectors.reports_on(version, other).defer("evidence", "claims")
        return answer(ReportPageOutput, page_of(request, rows, self.query, told.head))

    @extend_schema(request=ReportInput, responses={201: AskedOutput})
    def post(self, request: Request, label: str) -> Response:
        """Have a report written now, of a version of yours. What is asked for already is not asked for twice."""
        said = read(ReportInput, request.data or {})
        version, other = self.versions(request, label, said["against"])
        access.require_may_ask(self.reader(request), version, other)
        piece = policy_reports.ask(version=version, other=other, now=timezone.now())
        return answer(AskedOutput, asked_shown(piece), status=201)


class Report(ReportView):
    access = {"GET": Open.TO_ALL}

    @extend_schema(responses=ReportOutput)
    def get(self, request: Request, report_id: uuid.UUID) -> Response:
        """A report with its evidence, its claims and what each cites."""
        found = access.report_to_read(self.reader(request), report_id)
        return answer(ReportOutput, told.as_json(found))
