"""What programs are told of reports."""

from typing import Any

from rest_framework import serializers

from arena.api.fields import Output
from arena.api.pagination import PageOutput
from reports.evidence.items import Group, Verdict
from reports.evidence.meetings import Outcome
from reports.models import Work
from reports.writing.claims import Section, Shows


class ReportHeadOutput(Output):
    id = serializers.UUIDField()
    version = serializers.CharField()
    against = serializers.CharField(allow_null=True)
    number = serializers.IntegerField(help_text="Of the reports on the same, from 1.")
    made_at = serializers.DateTimeField()
    sessions = serializers.IntegerField(help_text="How many it counts.")
    provider = serializers.CharField(help_text="`builtin`: templates, no model.")
    model = serializers.CharField(allow_blank=True)
    prompt_version = serializers.CharField()


class ReportPageOutput(PageOutput):
    results = ReportHeadOutput(many=True)


class AskedOutput(Output):
    about = serializers.CharField()
    state = serializers.ChoiceField(choices=Work.State.choices)
    asked_at = serializers.DateTimeField()


class FigureOutput(Output):
    """Between 0 and 1, with its 95 % interval."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.IntegerField()


class QuoteOutput(Output):
    session = serializers.UUIDField()
    text = serializers.CharField()


class ItemOutput(Output):
    id = serializers.CharField(help_text="Such as E3.")
    group = serializers.ChoiceField(choices=[one.value for one in Group])
    key = serializers.CharField()
    words = serializers.CharField()
    sessions = serializers.ListField(child=serializers.IntegerField(), help_text="Places in the list of sessions.")
    of = serializers.IntegerField(help_text="In how many sessions it could have been seen.")
    won = serializers.IntegerField()
    tied = serializers.IntegerField()
    lost = serializers.IntegerField()
    win_share = FigureOutput(help_text="A tie is half a win.")
    progress = FigureOutput(allow_null=True)
    success = FigureOutput(allow_null=True)
    good = serializers.BooleanField(
        allow_null=True, help_text="Whether it speaks for the policy; null: it may do either."
    )
    p = serializers.FloatField(help_text="That it differs from the other sessions, adjusted for all of its group.")
    verdict = serializers.ChoiceField(choices=[one.value for one in Verdict], allow_blank=True)
    leads = serializers.IntegerField(
        help_text="1 where it won more than it lost, -1 where less, beyond chance; else 0", default=0
    )
    cited = serializers.ListField(
        child=serializers.UUIDField(), help_text="Some of its sessions, the most telling first."
    )
    quotes = QuoteOutput(many=True)


class RecordOutput(Output):
    """A session from the side of the version."""

    label = serializers.ChoiceField(choices=["A", "B"])  # type: ignore[assignment]
    opponent = serializers.CharField()
    lab = serializers.CharField()
    category = serializers.CharField()
    instruction = serializers.CharField()
    outcome = serializers.ChoiceField(choices=[one.value for one in Outcome])
    progress = serializers.FloatField(allow_null=True)
    theirs = serializers.FloatField(allow_null=True, help_text="Progress of the other side.")
    success = serializers.BooleanField(allow_null=True)
    failures = serializers.ListField(child=serializers.CharField())
    moments = serializers.DictField(child=serializers.FloatField(), help_text="By failure: when, in seconds.")
    recovered = serializers.BooleanField(allow_null=True)
    at = serializers.DateTimeField()


class EvidenceOfReportOutput(Output):
    schema = serializers.IntegerField()
    subject = serializers.CharField()
    other = serializers.CharField(allow_null=True)
    sessions = serializers.ListField(child=serializers.UUIDField())
    items = ItemOutput(many=True)
    records = serializers.DictField(child=RecordOutput(), help_text="By session: those that an item names.")


class CitationOutput(Output):
    session = serializers.UUIDField()
    shows = serializers.ChoiceField(choices=[one.value for one in Shows])
    detail = serializers.CharField(allow_blank=True, help_text="Which failure, or which theme of the notes.")


class ClaimOutput(Output):
    section = serializers.ChoiceField(choices=[one.value for one in Section])
    text = serializers.CharField()
    direction = serializers.ChoiceField(choices=["good", "bad", "neutral"])
    certain = serializers.BooleanField(help_text="Whether the figures certify its direction.")
    evidence = serializers.ListField(child=serializers.CharField())
    citations = CitationOutput(many=True)


class ChangeOutput(Output):
    words = serializers.CharField()
    figure = serializers.CharField()
    before = serializers.FloatField(allow_null=True)
    now = serializers.FloatField(allow_null=True)
    sessions_before = serializers.IntegerField()
    sessions_now = serializers.IntegerField()


class ReportOutput(ReportHeadOutput):
    schema = serializers.IntegerField(help_text="Of this form.")
    written = serializers.CharField(help_text="By whom, in words.")
    repaired = serializers.IntegerField(help_text="Claims that held after the writer had mended them.")
    dropped = serializers.DictField(child=serializers.IntegerField(), help_text="By reason: claims not published.")
    changes = ChangeOutput(many=True)
    evidence = EvidenceOfReportOutput()
    claims = ClaimOutput(many=True)
    excluded_since = serializers.ListField(
        child=serializers.UUIDField(), help_text="Sessions behind it, not counted now."
    )


def asked_shown(work: Work) -> dict[str, Any]:
    return {"about": work.subject, "state": work.state, "asked_at": work.asked_at}
