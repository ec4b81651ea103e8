"""The facts of /integrity, for programs."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena.api.fields import Input, Output
from arena.api.permissions import Open
from arena.api.views import ApiView, answer
from evaluations.scopes import SCOPES, chosen_scope
from leaderboard import integrity
from leaderboard.completion import Completion
from leaderboard.concentration import COMPLETION_BELOW, COMPLETION_FROM, INFLUENCE, By, Share, Verdict
from leaderboard.integrity import Facts, Influence, LeftOut
from leaderboard.noise_words import in_one_sentence

VERDICTS = [verdict.value for verdict in Verdict]


class ConcentrationOutput(Output):
    """The largest part of the counted sessions that one evaluator, lab, opponent or pair has."""

    policy = serializers.CharField(allow_blank=True, help_text="slug@version; empty: of all sessions.")
    by = serializers.ChoiceField(choices=[by.value for by in By])
    largest = serializers.CharField(
        allow_blank=True, help_text="A pseudonym, a lab's slug, a policy, or two; empty: none is named."
    )
    sessions = serializers.IntegerField()
    counted = serializers.IntegerField()
    share = serializers.FloatField()
    watch_from = serializers.FloatField(help_text="Above 1 where there is no choice.")
    review_from = serializers.FloatField()
    state = serializers.ChoiceField(choices=VERDICTS)


class CompletionOutput(Output):
    """What became of sessions that were assigned and have ended."""

    name = serializers.CharField(
        allow_blank=True, help_text="A lab's slug, a pseudonym, slug@version, two of these, or empty for all."
    )
    assigned = serializers.IntegerField()
    valid = serializers.IntegerField()
    not_valid = serializers.DictField(child=serializers.IntegerField(), help_text="By reason.")
    abandoned = serializers.DictField(child=serializers.IntegerField(), help_text="By reason.")
    expired = serializers.IntegerField()
    completion = serializers.FloatField(allow_null=True, help_text="The share that ended with a valid result.")
    state = serializers.ChoiceField(choices=VERDICTS)


class CompletionsOutput(Output):
    watch_below = serializers.FloatField()
    told_from = serializers.IntegerField(help_text="Assignments; with fewer nothing can be told.")
    all = CompletionOutput()
    labs = CompletionOutput(many=True)
    evaluators = CompletionOutput(many=True, help_text="By pseudonym; who has none is left out.")
    policies = CompletionOutput(many=True, help_text="A session counts for both of its versions.")
    pairs = CompletionOutput(many=True, help_text="Two versions that were to be compared.")


class LeftOutOutput(Output):
    reason = serializers.CharField()
    sessions = serializers.IntegerField()
    latest = serializers.ListField(child=serializers.CharField(), help_text="Ids of the latest of them.")


class StewardExclusionOutput(Output):
    session = serializers.CharField()
    reason = serializers.CharField()
    comment = serializers.CharField()
    at = serializers.DateTimeField()
    lifted = serializers.CharField(
        allow_blank=True, help_text="Why it was lifted on an appeal: the session counts again. Empty where it stands."
    )
    lifted_at = serializers.DateTimeField(allow_null=True)


class ExclusionsOutput(Output):
    counted = serializers.IntegerField()
    total = serializers.IntegerField()
    left_out = LeftOutOutput(many=True)
    by_stewards = StewardExclusionOutput(many=True, help_text="The latest.")


class WithoutLabOutput(Output):
    lab = serializers.CharField()
    sessions = serializers.IntegerField()
    largest_move = serializers.FloatField(help_text="Of a score, in its standard errors.")
    of_policy = serializers.CharField()
    places_changed = serializers.IntegerField()
    leader_without = serializers.CharField()
    state = serializers.ChoiceField(choices=VERDICTS)
    board = serializers.CharField(help_text="The board without it.")


class InfluenceOutput(Output):
    snapshot = serializers.IntegerField(allow_null=True)
    watch_from = serializers.FloatField()
    review_from = serializers.FloatField()
    labs = WithoutLabOutput(many=True)


class UnlistedOfLabOutput(Output):
    """Versions that a lab has ever registered unlisted."""

    lab = serializers.CharField()
    registered = serializers.IntegerField()
    unlisted = serializers.IntegerField(help_text="Today, and not withdrawn.")
    listed = serializers.IntegerField(help_text="Since.")
    withdrawn = serializers.IntegerField(help_text="Retired without ever being listed.")


class IntegrityOutput(Output):
    board = serializers.CharField()
    at = serializers.DateTimeField()
    concentration = ConcentrationOutput(many=True)
    completion = CompletionsOutput()
    exclusions = ExclusionsOutput()
    influence = InfluenceOutput()
    unlisted = UnlistedOfLabOutput(many=True)
    noise = serializers.CharField(allow_blank=True, help_text="In words; the figures are at /public/method.")


class ChosenScope(Input):
    board = serializers.ChoiceField(required=False, choices=[scope.slug for scope in SCOPES])


class Integrity(ApiView):
    tag = "Public"
    access = {"GET": Open.TO_ALL}
    queries = {"GET": ChosenScope}

    @extend_schema(responses=IntegrityOutput)
    def get(self, request: Request) -> Response:
        """Whether a board rests on few, what was completed, what is excluded, what the order owes to each lab."""
        facts = integrity.facts(chosen_scope(self.query.get("board")))
        return answer(IntegrityOutput, _told(facts))


def _told(facts: Facts) -> dict[str, Any]:
    return {
        "board": facts.scope.slug,
        "at": facts.at,
        "concentration": [_share(one) for one in facts.shares],
        "completion": {
            "watch_below": COMPLETION_BELOW,
            "told_from": COMPLETION_FROM,
            "all": _completion(facts.all),
            "labs": [_completion(one) for one in facts.labs],
            "evaluators": [_completion(one) for one in facts.evaluators],
            "policies": [_completion(one) for one in facts.versions],
            "pairs": [_completion(one) for one in facts.pairs],
        },
        "exclusions": {
            "counted": facts.counted,
            "total": facts.all.assigned,
            "left_out": [_left_out(one) for one in facts.left_out],
            "by_stewards": facts.excluded,
        },
        "influence": {
            "snapshot": facts.snapshot,
            "watch_from": INFLUENCE.watch,
            "review_from": INFLUENCE.review,
            "labs": [_influence(one, facts.scope.slug) for one in facts.influence],
        },
        "unlisted": facts.unlisted,
        "noise": in_one_sentence(facts.noise) if facts.noise else "",
    }


def _share(one: Share) -> dict[str, Any]:
    return {
        "policy": one.version,
        "by": one.by.value,
        "largest": one.source,
        "sessions": one.sessions,
        "counted": one.counted,
        "share": one.share,
        "watch_from": one.limits.watch,
        "review_from": one.limits.review,
        "state": one.verdict.value,
    }


def _completion(one: Completion) -> dict[str, Any]:
    return {
        "name": one.name,
        "assigned": one.assigned,
        "valid": one.valid,
        "not_valid": one.not_valid,
        "abandoned": one.abandoned,
        "expired": one.expired,
        "completion": one.rate,
        "state": one.verdict.value,
    }


def _left_out(one: LeftOut) -> dict[str, Any]:
    return {"reason": one.reason, "sessions": one.sessions, "latest": one.latest}


def _influence(one: Influence, board: str) -> dict[str, Any]:
    return {
        "lab": one.lab.slug,
        "sessions": one.lab.n,
        "largest_move": one.lab.move,
        "of_policy": one.lab.of_policy,
        "places_changed": one.lab.places_changed,
        "leader_without": one.lab.leader_without,
        "state": one.verdict.value,
        "board": f"{board}.without-lab.{one.lab.slug}",
    }
