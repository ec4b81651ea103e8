"""The figures of the method page, for programs."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena.api.fields import Output
from arena.api.permissions import Open
from arena.api.views import ApiView, answer
from evaluations.blinding_check import BlindingCheck
from leaderboard import method
from leaderboard.method import Noise


class DrawsOutput(Output):
    floor = serializers.FloatField(help_text="The share of a normal draw that falls on all pairs alike.")
    repeat_share = serializers.FloatField(help_text="Of all sessions, as far as tasks are put again.")
    same_policy_share = serializers.FloatField(help_text="Of all sessions.")
    most_repeats = serializers.FloatField(help_text="Of the draws on a task that was evaluated before.")


class EstimateOutput(Output):
    """A figure with its 95 % interval, from `n` observations."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.IntegerField()


class BlindingOutput(Output):
    board = serializers.CharField()
    sessions = serializers.IntegerField(help_text="In which a policy was named before the reveal.")
    rightly = EstimateOutput(allow_null=True, help_text="The share of the named sides that were named rightly.")
    by_chance = serializers.FloatField(allow_null=True, help_text="The share that chance would give.")


class SamePolicyOutput(Output):
    """One policy on both sides. Progress runs from 0 to 1."""

    sessions = serializers.IntegerField()
    ties = EstimateOutput(allow_null=True)
    a_preferred = EstimateOutput(allow_null=True, help_text="Of those with a preference.")
    distance = EstimateOutput(allow_null=True, help_text="Mean of |progress of A - progress of B|.")
    a_ahead = EstimateOutput(allow_null=True, help_text="Mean of progress of A - progress of B.")
    spread = EstimateOutput(allow_null=True, help_text="Its standard deviation.")


class RepeatsOutput(Output):
    """The same pair on the same task at another time."""

    asked_again = serializers.IntegerField()
    same = EstimateOutput(allow_null=True, help_text="The same preference both times.")
    flipped = EstimateOutput(allow_null=True, help_text="First one preferred, then the other.")
    agreement = EstimateOutput(allow_null=True, help_text="Correlation of the differences of progress.")
    spread = EstimateOutput(
        allow_null=True, help_text="Standard deviation of one session's difference of progress around the pair's own."
    )


class NoiseOutput(Output):
    board = serializers.CharField()
    same_policy = SamePolicyOutput()
    repeats = RepeatsOutput()


class MethodOutput(Output):
    draws = DrawsOutput()
    blinding = BlindingOutput(many=True)
    noise = NoiseOutput(many=True)


class Method(ApiView):
    tag = "Public"
    access = {"GET": Open.TO_ALL}

    @extend_schema(responses=MethodOutput)
    def get(self, request: Request) -> Response:
        """How pairs are drawn, whether the blinding holds, how large the noise is. Null: not measured yet."""
        told = method.figures()
        return answer(
            MethodOutput,
            {
                "draws": told["draws"],
                "blinding": [_blinding(check) for check in told["checks"]],
                "noise": [_noise(one) for one in told["noise"]],
            },
        )


def _blinding(check: BlindingCheck) -> dict[str, Any]:
    named = check.found.named
    shares = {"value": check.share / 100, "low": check.low / 100, "high": check.high / 100, "n": named}
    return {
        "board": check.scope.slug,
        "sessions": check.found.sessions,
        "rightly": shares if named else None,
        "by_chance": check.chance / 100 if named else None,
    }


def _noise(one: Noise) -> dict[str, Any]:
    return {"board": one.scope.slug, "same_policy": one.floor.same_policy, "repeats": one.floor.repeats}
