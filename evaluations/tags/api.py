"""Tags for programs: what is said of a session, a person's word, and how often people agree with each tagger."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena.api.fields import Input, Number, OneOf, Output, Text
from arena.api.permissions import RUN, Open, person
from arena.api.views import ApiView, answer, read
from evaluations import access
from evaluations.models import Label, ProposedProgress, Session, Side, Tag
from evaluations.scopes import SCOPES, chosen_scope
from evaluations.tags import records, selectors
from evaluations.tags.questions import QUESTIONS
from evaluations.tags.records import LATEST_MOMENT_S, LONGEST_WHY
from evaluations.tags.selectors import Standing


class TaggerOutput(Output):
    provider = serializers.CharField(help_text="`builtin`: rules; `roboarena`: imported; else one of this platform's.")
    model = serializers.CharField(allow_blank=True)
    prompt_version = serializers.CharField()


class TagWordOutput(Output):
    """One answer. Either `tagger` or `person` gave it."""

    answer = serializers.CharField()
    why = serializers.CharField(allow_blank=True)
    moment_s = serializers.FloatField(allow_null=True, help_text="Seconds from the beginning of the side's videos.")
    tagger = TaggerOutput(allow_null=True)
    person = serializers.CharField(allow_null=True, help_text="A pseudonym.")
    made_at = serializers.DateTimeField()


class AnsweredOutput(Output):
    question = serializers.ChoiceField(choices=list(QUESTIONS))
    stands = TagWordOutput(help_text="The last person's word, else the last tagger's.")
    others = TagWordOutput(many=True, help_text="What else was said, the oldest first.")


class ProposedOutput(Output):
    progress = serializers.FloatField(help_text="0 to 1. A model's guess; no ranking reads it.")
    why = serializers.CharField(allow_blank=True)
    tagger = TaggerOutput()


class SideTagsOutput(Output):
    answers = AnsweredOutput(many=True)
    proposed_progress = ProposedOutput(allow_null=True)


class SidesTagsOutput(Output):
    A = SideTagsOutput()
    B = SideTagsOutput()


class SessionTagsOutput(Output):
    answers = AnsweredOutput(many=True, help_text="Of the session; what nobody answered is not there.")
    sides = SidesTagsOutput()


class TagInput(Input):
    question = OneOf(choices=list(QUESTIONS))
    answer = Text(max_length=40)
    label = OneOf(choices=Label.choices, required=False, allow_null=True, default=None, help_text="For a rollout.")  # type: ignore[assignment]
    why = Text(required=False, allow_blank=True, default="", max_length=LONGEST_WHY)
    moment_s = Number(required=False, allow_null=True, default=None, min_value=0, max_value=LATEST_MOMENT_S)


class QuestionOutput(Output):
    question = serializers.CharField()
    asks = serializers.CharField()
    about = serializers.ChoiceField(choices=["session", "episode"])
    answers = serializers.DictField(child=serializers.CharField(), help_text="Each with its words.")


class CoverageOutput(TaggerOutput):
    sessions = serializers.IntegerField()
    answers = serializers.IntegerField()


class AgreementOutput(TaggerOutput):
    question = serializers.CharField()
    same = serializers.IntegerField()
    both = serializers.IntegerField(help_text="Answers of the tagger that a person confirmed or corrected.")
    share = serializers.FloatField()
    low = serializers.FloatField(help_text="Wilson's interval, 95 %.")
    high = serializers.FloatField()


class TagsOutput(Output):
    board = serializers.CharField()
    questions = QuestionOutput(many=True)
    coverage = CoverageOutput(many=True)
    agreement = AgreementOutput(many=True)


class TagsQuery(Input):
    board = serializers.ChoiceField(required=False, choices=[scope.slug for scope in SCOPES])


class SessionTags(ApiView):
    tag = "Tags"
    access = {"GET": Open.TO_ALL, "POST": RUN}

    @extend_schema(responses=SessionTagsOutput)
    def get(self, request: Request, session_id: uuid.UUID) -> Response:
        """All that taggers and people said of a session that was revealed."""
        return answer(SessionTagsOutput, _told(access.session_to_report(session_id)))

    @extend_schema(request=TagInput, responses=SessionTagsOutput)
    def post(self, request: Request, session_id: uuid.UUID) -> Response:
        """Confirm or correct an answer. What was said before stays beside it; a repeat changes nothing."""
        session = access.session_to_report(session_id)
        records.require_right(person(request), session)
        said = read(TagInput, request.data)
        records.correct(session=session, by=person(request), now=timezone.now(), **said)
        return answer(SessionTagsOutput, _told(session))


class Tags(ApiView):
    tag = "Tags"
    access = {"GET": Open.TO_ALL}
    queries = {"GET": TagsQuery}

    @extend_schema(responses=TagsOutput)
    def get(self, request: Request) -> Response:
        """What is asked, who tags how much, and how often people agree with each tagger."""
        scope = chosen_scope(self.query.get("board"))
        sessions = scope.sessions().public()
        told = {
            "board": scope.slug,
            "questions": [
                {"question": one.key, "asks": one.asks, "about": one.about.value, "answers": dict(one.answers)}
                for one in QUESTIONS.values()
            ],
            "coverage": [vars(one) for one in selectors.coverage(sessions)],
            "agreement": [_agreement(one) for one in selectors.agreement(sessions)],
        }
        return answer(TagsOutput, told)


def _agreement(one: selectors.Agreement) -> dict[str, Any]:
    low, high = one.interval
    return vars(one) | {"question": one.question.key, "share": one.share, "low": low, "high": high}


def _told(session: Session) -> dict[str, Any]:
    tags = selectors.tags_of(session, list(Side.objects.filter(session=session)))
    sides = {
        one.side.label: {"answers": _answers(one.standing), "proposed_progress": _proposed(one.proposed)}
        for one in tags.sides
    }
    return {"answers": _answers(tags.session), "sides": sides}


def _answers(standing: Iterable[Standing]) -> list[dict[str, Any]]:
    return [_answered(one) for one in standing if one.tag]


def _answered(one: Standing) -> dict[str, Any]:
    words = {tag.pk: _word(tag) for tag in one.said}
    stands = words.pop(one.tag.pk if one.tag else 0)
    return {"question": one.question.key, "stands": stands, "others": list(words.values())}


def _word(tag: Tag) -> dict[str, Any]:
    return {
        "answer": tag.answer,
        "why": tag.why,
        "moment_s": tag.moment_s,
        "tagger": tag.tagging,
        "person": tag.person.pseudonym if tag.person else None,
        "made_at": tag.made_at,
    }


def _proposed(found: ProposedProgress | None) -> dict[str, Any] | None:
    return {"progress": found.progress, "why": found.why, "tagger": found.tagging} if found else None
