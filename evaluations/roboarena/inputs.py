"""What the client sends, checked field by field."""

import math
import re
from typing import Any, TypeVar

from rest_framework import serializers

from arena.errors import ArenaError
from evaluations.episodes import EpisodeReport
from evaluations.models import Label, MediaFile

MAX_STEPS = 1_000_000


class FiniteNumber(serializers.FloatField):
    """A float that is a number: the plain FloatField lets NaN pass every bound."""

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if not math.isfinite(value) or not str(data).isascii():
            self.fail("invalid")
        return value


class Notes(serializers.CharField):
    """Kept to the letter, for blanks and line ends are part of the grammar; what cannot be stored is replaced."""

    def to_internal_value(self, data: Any) -> str:
        return str(super().to_internal_value(data)).replace("\x00", "\ufffd")


class VersionInput(serializers.Serializer[None]):
    client_version = serializers.CharField(max_length=20)


class AccessInput(serializers.Serializer[None]):
    evaluator_email = serializers.CharField(max_length=254)
    evaluator_code = serializers.CharField(max_length=200)


class PairInput(serializers.Serializer[None]):
    evaluator_name = serializers.CharField(max_length=254)
    evaluator_code = serializers.CharField(max_length=200)
    language_instruction = serializers.CharField(max_length=10_000)
    robot_name = serializers.CharField(max_length=60)


class UploadInput(serializers.Serializer[None]):
    session_id = serializers.CharField(max_length=80)
    evaluator_code = serializers.CharField(max_length=200)
    binary_success = serializers.ChoiceField(choices=["0", "1"])
    partial_success = FiniteNumber(min_value=0, max_value=1)
    duration = serializers.IntegerField(min_value=0, max_value=MAX_STEPS)
    policy_letter = serializers.RegexField(r"\A[AB](;avg_latency=[0-9.naN]{1,20})?\Z")
    third_person_camera_type = serializers.CharField(max_length=40, allow_blank=True, default="")
    timestamp = serializers.CharField(max_length=40, allow_blank=True, default="")
    video_left = serializers.FileField(required=False, allow_empty_file=True)
    video_right = serializers.FileField(required=False, allow_empty_file=True)
    video_wrist = serializers.FileField(required=False, allow_empty_file=True)
    npz_file = serializers.FileField(required=False, allow_empty_file=True)

    FILES = {
        "video_left": MediaFile.Kind.LEFT,
        "video_right": MediaFile.Kind.RIGHT,
        "video_wrist": MediaFile.Kind.WRIST,
        "npz_file": MediaFile.Kind.TRAJECTORY,
    }

    @property
    def side_label(self) -> Label:
        return Label(self.validated_data["policy_letter"][0])

    @property
    def episode_files(self) -> dict[str, Any]:
        data = self.validated_data
        return {kind: data[field] for field, kind in self.FILES.items() if field in data}

    @property
    def episode_report(self) -> EpisodeReport:
        data = self.validated_data
        return EpisodeReport(
            progress=data["partial_success"],
            success=data["binary_success"] == "1",
            duration_steps=data["duration"],
            reported_latency_s=_latency(data["policy_letter"]),
            camera=data["third_person_camera_type"],
            recorded_at=data["timestamp"],
        )


class TerminateInput(serializers.Serializer[None]):
    session_id = serializers.CharField(max_length=80)
    evaluator_code = serializers.CharField(max_length=200)
    evaluation_notes = Notes(trim_whitespace=False, allow_blank=True, default="")


InputT = TypeVar("InputT", bound=serializers.Serializer[None])


def read(kind: type[InputT], data: Any) -> InputT:
    """`data` checked by an input; the first thing wrong with it becomes one sentence."""
    checked = kind(data=data)
    if not checked.is_valid():
        field, problems = next(iter(checked.errors.items()))
        problem = str(problems[0]) if isinstance(problems, list) else str(problems)
        raise ArenaError("bad_field", f"{field}: {problem}")
    return checked


def _latency(policy_letter: str) -> float | None:
    """The mean seconds per inference that the client reports; it writes `nan` where it made none."""
    match = re.fullmatch(r"[AB];avg_latency=([0-9]+(?:\.[0-9]+)?)", policy_letter)
    return float(match[1]) if match else None
