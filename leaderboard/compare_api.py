"""Two policies beside each other, for programs."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena.api.fields import Output
from arena.api.permissions import Open
from arena.api.views import ApiView, answer
from leaderboard import compare


class EvidenceOutput(Output):
    """Of the first against the second. `low` to `high` holds the mean at all times at once."""

    verdict = serializers.ChoiceField(choices=["better", "worse", "undecided"])
    n = serializers.IntegerField()
    mean = serializers.FloatField(allow_null=True)
    low = serializers.FloatField()
    high = serializers.FloatField()
    log_e_better = serializers.FloatField(help_text="Log of the evidence against «the first is not better».")
    log_e_worse = serializers.FloatField()
    decided_after = serializers.IntegerField(allow_null=True)


class CertificateOutput(Output):
    """Of the first against the second. Once reached it stands."""

    verdict = serializers.ChoiceField(choices=["better", "worse", "undecided"])
    decided_after = serializers.IntegerField(allow_null=True)
    kept = serializers.BooleanField(
        help_text="It was reached, and sessions were left out since: those that count today alone do not say so."
    )


class ChancesOutput(Output):
    win = serializers.FloatField()
    tie = serializers.FloatField()
    loss = serializers.FloatField()


class CompareOutput(Output):
    first = serializers.CharField()
    second = serializers.CharField()
    board = serializers.CharField()
    sessions = serializers.IntegerField()
    wins = serializers.IntegerField()
    ties = serializers.IntegerField()
    losses = serializers.IntegerField()
    preference = EvidenceOutput(help_text="Score of the first, 0 to 1, even at 0.5.")
    progress = EvidenceOutput(help_text="Difference of progress, -1 to 1, even at 0.")
    certificate = CertificateOutput(help_text="By preference.")
    progress_certificate = CertificateOutput(help_text="By progress, which is a question of its own.")
    alpha = serializers.FloatField(
        help_text="Probability that a pair named beforehand is ever certified falsely, whenever one looks."
    )
    in_family = serializers.BooleanField(
        help_text="Whether the preference also decides among all `watched` pairs of the board together, as of now."
    )
    watched = serializers.IntegerField(allow_null=True, help_text="How many pairs the board has; null before it knows.")
    chances = ChancesOutput(allow_null=True, help_text="By the last board’s model, which also knows other opponents.")
    sessions_needed = serializers.IntegerField(
        allow_null=True, help_text="To separate the two with the given power; null: more than `most_sessions`."
    )
    most_sessions = serializers.IntegerField()
    power = serializers.FloatField()
    session_ids = serializers.ListField(child=serializers.UUIDField())


class Compare(ApiView):
    tag = "Public"
    access = {"GET": Open.TO_ALL}

    @extend_schema(responses=CompareOutput)
    def get(self, request: Request, first: str, second: str) -> Response:
        """Two policy versions, each by slug@version or by slug alone (its newest version)."""
        found = compare.compare(compare.version_named(first), compare.version_named(second))
        return answer(CompareOutput, compare.as_json(found))
