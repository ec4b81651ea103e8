"""What may be said about sessions."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from arena.api.fields import Flag, Input, Number, OneOf, Text, Whole
from arena.api.pagination import PageQuery
from evaluations.assignments import INSTRUCTION_MAX_LENGTH
from evaluations.drafts import NOTES_MAX_LENGTH
from evaluations.models import FailureMode, Photo, Preference, State
from evaluations.reasons import ABANDON_REASONS, INVALID_REASONS
from evaluations.rubrics import MAX_STAGES, STAGE_MAX_LENGTH
from evaluations.sessions import COMMENT_MAX_LENGTH

MAX_STEPS = 1_000_000
LARGEST_ID = 2**63 - 1


class StageInput(Input):
    percent = Whole(min_value=0, max_value=100)
    text = Text(max_length=STAGE_MAX_LENGTH)


class OpenSessionInput(Input):
    station = Whole(min_value=1, max_value=LARGEST_ID)
    instruction = Text(max_length=INSTRUCTION_MAX_LENGTH)
    rubric = StageInput(  # type: ignore[call-arg]
        many=True,
        required=False,
        max_length=MAX_STAGES,
        help_text="How progress is read on this task. Left out: the template of its kind; empty: none.",
    )
    training = Flag(default=False)


class SessionQuery(PageQuery):
    state = serializers.ChoiceField(choices=State.choices, required=False)
    lab = serializers.SlugField(required=False, max_length=80)
    station = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)
    training = serializers.BooleanField(required=False)
    open = serializers.BooleanField(required=False, help_text="Whether it has not ended yet.")


class InstructionQuery(Input):
    instruction = serializers.CharField(max_length=INSTRUCTION_MAX_LENGTH)


class BoardQuery(Input):
    board = serializers.CharField(required=False, max_length=40, help_text="`overall`, `imported` or `simulation`.")


class PublicSessionQuery(PageQuery, BoardQuery):
    show = serializers.ChoiceField(
        choices=["valid", "all"], default="valid", help_text="`all`: also those that do not count."
    )


_OF_A_SIDE: dict[str, dict[str, Any]] = {
    "progress": {"type": "integer", "minimum": 0, "maximum": 100, "nullable": True, "description": "Whole percent."},
    "success": {"type": "boolean", "nullable": True},
    "failure_modes": {
        "type": "array",
        "uniqueItems": True,
        "items": {"type": "string", "enum": FailureMode.values},
    },
    "recovered": {"type": "boolean", "nullable": True},
    "done": {"type": "boolean", "description": "The evaluator has gone on from this rollout."},
}


def _text(most: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": most, "pattern": r"^[^\x00]*$"}


def _one_of(choices: Iterable[str]) -> dict[str, Any]:
    return {"type": "string", "enum": [*map(str, choices), None], "nullable": True}


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{f"{label}_{name}": schema for label in "ab" for name, schema in _OF_A_SIDE.items()},
            "scene_restored": {"type": "boolean"},
            "preference": _one_of(Preference.values),
            "notes": _text(NOTES_MAX_LENGTH),
            "valid": {"type": "boolean"},
            "invalid_reason": _one_of(INVALID_REASONS),
            "invalid_comment": _text(COMMENT_MAX_LENGTH),
        },
    }
)
class Changes(serializers.DictField):
    """Values by name. The domain judges them; this says what it lets pass."""

    child = serializers.JSONField(allow_null=True)


class DraftInput(Input):
    revision = Whole(min_value=0, max_value=2**31 - 1, help_text="On which revision these changes rest.")
    changes = Changes()


class EpisodeInput(Input):
    progress = Number(min_value=0, max_value=1)
    success = Flag()
    failure_modes = serializers.ListField(
        child=OneOf(choices=FailureMode.choices), required=False, default=list, max_length=len(FailureMode.values)
    )
    recovered = Flag(required=False, allow_null=True, default=None)
    duration_steps = Whole(required=False, allow_null=True, default=None, min_value=0, max_value=MAX_STEPS)


class PhotoInput(Input):
    moment = serializers.ChoiceField(choices=Photo.Moment.choices)
    photo = serializers.FileField(help_text="JPEG, PNG or WebP, at most 20 MB.", max_length=255)


class SubmitInput(Input):
    preference = OneOf(choices=Preference.choices, required=False, allow_null=True)
    notes = Text(required=False, allow_blank=True, max_length=NOTES_MAX_LENGTH, trim_whitespace=False)
    valid = Flag(required=False)
    invalid_reason = OneOf(choices=[str(one) for one in INVALID_REASONS], required=False, allow_null=True)
    invalid_comment = Text(required=False, allow_blank=True, max_length=COMMENT_MAX_LENGTH)
    ask_guess = Flag(default=False, help_text="Keep the policies unnamed until the guess, at most ten minutes.")


class GuessInput(Input):
    policy_a = Text(required=False, allow_null=True, default=None, max_length=80)
    policy_b = Text(required=False, allow_null=True, default=None, max_length=80)


class AbandonInput(Input):
    reason = OneOf(choices=[str(one) for one in ABANDON_REASONS])
    comment = Text(required=False, allow_blank=True, default="", max_length=COMMENT_MAX_LENGTH)
