"""A lab's credits for programs."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena.api.fields import Output
from arena.api.labs import LabView
from arena.api.pagination import PageOutput, PageQuery, page_of
from arena.api.permissions import ANY_KEY, own_slug
from arena.api.views import answer
from arena.models import Lab
from credits import statement
from credits.access import lab_with_statement
from credits.models import Entry


class CreditsOutput(Output):
    balance = serializers.IntegerField(help_text="At the lab's disposal.")
    held = serializers.IntegerField(help_text="For requests that still hold some, with what these have cost so far.")
    owed = serializers.IntegerField(help_text="Taken from what the lab earns next.")
    unlimited = serializers.BooleanField()
    next_grant = serializers.IntegerField()
    next_grant_at = serializers.DateTimeField()
    next_grant_comment = serializers.CharField(allow_blank=True)


class EntryOutput(Output):
    number = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=Entry.Kind.choices)
    amount = serializers.IntegerField(help_text="Negative where credits went.")
    balance = serializers.IntegerField(help_text="What was there afterwards.")
    key = serializers.CharField(help_text="What it is for; no other entry has it.")
    comment = serializers.CharField(allow_blank=True)


class EntryPageOutput(PageOutput):
    results = EntryOutput(many=True)


class CreditsView(LabView):
    tag = "Credits"

    def lab(self, request: Request, slug: str) -> Lab:
        return lab_with_statement(request.user, own_slug(request, slug))


class LabCredits(CreditsView):
    access = {"GET": ANY_KEY}

    @extend_schema(responses=CreditsOutput)
    def get(self, request: Request, slug: str) -> Response:
        """What a lab of yours has, and when more comes."""
        return answer(CreditsOutput, vars(statement.summary(self.lab(request, slug))))


class LabCreditEntries(CreditsView):
    access = {"GET": ANY_KEY}
    queries = {"GET": PageQuery}

    @extend_schema(responses=EntryPageOutput)
    def get(self, request: Request, slug: str) -> Response:
        """The lab's statement, the latest entry first."""
        lab = self.lab(request, slug)
        page = page_of(request, statement.entries(lab), self.query, lambda entry: _shown(statement.line(entry, lab)))
        return answer(EntryPageOutput, page)


def _shown(line: statement.Line) -> dict[str, Any]:
    names = ("at", "kind", "key", "comment")
    facts = {name: getattr(line.entry, name) for name in names}
    return facts | {"number": line.entry.pk, "amount": line.amount, "balance": line.balance}
