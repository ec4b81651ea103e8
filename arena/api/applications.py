"""A lab applies, and a steward decides: in the browser, as no key acts outside its lab."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena import access, applications
from arena.api.fields import Input, Output, Text
from arena.api.pagination import PageOutput, PageQuery, page_of
from arena.api.permissions import Open, person
from arena.api.views import ApiView, answer, read
from arena.applications import LONGEST_TEXT, ApplicationText
from arena.errors import NotFound
from arena.models import Application, Lab


class ApplicationInput(Input):
    lab_name = Text(max_length=60)
    about = Text(max_length=LONGEST_TEXT, help_text="Who you are.")
    robots = Text(max_length=LONGEST_TEXT)
    website = Text(max_length=200, allow_blank=True, default="")
    affiliated_labs = serializers.ListField(
        child=Text(max_length=80), default=list, max_length=50, help_text="Slugs of labs that you are close to."
    )
    other_affiliations = Text(max_length=LONGEST_TEXT, allow_blank=True, default="")
    terms = Text(max_length=20, help_text="The version of /join/terms that you agree to.")


class CommentInput(Input):
    comment = Text(max_length=LONGEST_TEXT, allow_blank=True, default="", help_text="What the applicant is told.")


class ApplicationOutput(Output):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=Application.State.choices)
    email = serializers.EmailField()
    lab_name = serializers.CharField()
    about = serializers.CharField()
    robots = serializers.CharField()
    website = serializers.CharField(allow_blank=True)
    affiliated_labs = serializers.ListField(child=serializers.CharField())
    other_affiliations = serializers.CharField(allow_blank=True)
    terms = serializers.CharField()
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    comment = serializers.CharField(allow_blank=True)
    lab = serializers.CharField(allow_null=True, help_text="The slug of the lab that was made.")


class ApplicationPageOutput(PageOutput):
    results = ApplicationOutput(many=True)


class ApplicationList(ApiView):
    tag = "Applications"
    access = {"GET": Open.TO_BROWSERS, "POST": Open.TO_BROWSERS}
    queries = {"GET": PageQuery}

    @extend_schema(responses=ApplicationPageOutput)
    def get(self, request: Request) -> Response:
        """Your own applications. Stewards see all."""
        found = _seen(request).order_by("-created_at", "id")
        return answer(ApplicationPageOutput, page_of(request, found, self.query, _shown))

    @extend_schema(request=ApplicationInput, responses={201: ApplicationOutput})
    def post(self, request: Request) -> Response:
        """Apply for a lab. One application of a person waits at a time."""
        said = read(ApplicationInput, request.data)
        terms = said.pop("terms")
        close_to = _labs_named(said.pop("affiliated_labs"))
        text = ApplicationText(affiliated_labs=close_to, **said)
        made = applications.apply(person=person(request), text=text, terms=terms, now=timezone.now())
        return answer(ApplicationOutput, _shown(made), status=201)


class ApplicationDetail(ApiView):
    tag = "Applications"
    access = {"GET": Open.TO_BROWSERS}

    @extend_schema(responses=ApplicationOutput)
    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        """An application of yours. Stewards see any."""
        found = _seen(request).filter(pk=application_id).first()
        if found is None:
            raise NotFound("application_unknown", "There is no such application.")
        return answer(ApplicationOutput, _shown(found))


class ApplicationApprove(ApiView):
    tag = "Applications"
    access = {"POST": Open.TO_BROWSERS}

    @extend_schema(request=CommentInput, responses=ApplicationOutput)
    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        """Make the lab, its applicant its admin. Stewards only; the first decision stands."""
        by = access.steward(person(request))
        said = read(CommentInput, request.data)
        made = applications.approve(application_id=application_id, by=by, now=timezone.now(), **said)
        return answer(ApplicationOutput, _shown(made))


class ApplicationDecline(ApiView):
    tag = "Applications"
    access = {"POST": Open.TO_BROWSERS}

    @extend_schema(request=CommentInput, responses=ApplicationOutput)
    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        """Say no, with the reason that the applicant is told. Stewards only; the first decision stands."""
        by = access.steward(person(request))
        said = read(CommentInput, request.data)
        made = applications.decline(application_id=application_id, by=by, now=timezone.now(), **said)
        return answer(ApplicationOutput, _shown(made))


def _seen(request: Request) -> QuerySet[Application]:
    rows = Application.objects.select_related("person", "lab").prefetch_related("affiliated_labs")
    you = person(request)
    if not you.is_staff:
        return rows.filter(person=you)
    access.steward(you)
    return rows


def _labs_named(slugs: list[str]) -> list[Lab]:
    found = {lab.slug: lab for lab in applications.labs_that_own_policies().filter(slug__in=slugs)}
    unknown = [slug for slug in slugs if slug not in found]
    if unknown:
        raise NotFound("lab_unknown", f"There is no lab {unknown[0]} that owns policies.")
    return list(found.values())


def _shown(application: Application) -> dict[str, Any]:
    names = ("state", "lab_name", "about", "robots", "website", "other_affiliations", "terms", "created_at")
    facts = {name: getattr(application, name) for name in (*names, "decided_at", "comment")}
    close_to = [lab.slug for lab in application.affiliated_labs.all()]
    slug = application.lab.slug if application.lab else None
    return facts | {"id": application.pk, "email": application.person.email, "affiliated_labs": close_to, "lab": slug}
