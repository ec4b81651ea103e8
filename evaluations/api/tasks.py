"""What helps to say a task, and all words that a session is described in."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena.api.fields import Output
from arena.api.pagination import PageQuery, page_of
from arena.api.permissions import READ_OR_RUN, Open
from arena.api.stations import own_station
from arena.api.views import ApiView, answer
from arena.models import ActionSpace, Camera, NoticeKind, Role, Scope
from evaluations import assignments, drafts, files, photos, rubrics, sessions
from evaluations.api import shown
from evaluations.api.inputs import InstructionQuery
from evaluations.api.outputs import RubricOutput, TaskPageOutput
from evaluations.categories import intended_category
from evaluations.evaluate.selectors import RecentTask, recent_tasks
from evaluations.models import FailureMode, MediaFile, Photo, Preference, State, TaskCategory
from evaluations.reasons import ABANDON_REASONS, INVALID_REASONS


class WordOutput(Output):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class LimitsOutput(Output):
    instruction_length = serializers.IntegerField()
    notes_length = serializers.IntegerField()
    comment_length = serializers.IntegerField()
    rubric_stages = serializers.IntegerField()
    stage_length = serializers.IntegerField()
    photo_bytes = serializers.IntegerField()
    photos = serializers.IntegerField(help_text="Of one session.")
    file_bytes = serializers.IntegerField()
    files = serializers.IntegerField(help_text="Of one side.")
    open_sessions = serializers.IntegerField(help_text="Of one person at one station.")
    lease_s = serializers.IntegerField(help_text="How long an open session may rest.")


class VocabularyOutput(Output):
    states = WordOutput(many=True)
    preferences = WordOutput(many=True)
    failure_modes = WordOutput(many=True)
    invalid_reasons = WordOutput(many=True, help_text="Why a session that was run is not to count.")
    abandon_reasons = WordOutput(many=True, help_text="Why a session is given up.")
    categories = WordOutput(many=True)
    moments = WordOutput(many=True, help_text="Of photos.")
    media_states = WordOutput(many=True)
    cameras = WordOutput(many=True, help_text="Of stations.")
    action_spaces = WordOutput(many=True)
    roles = WordOutput(many=True)
    scopes = WordOutput(many=True)
    notices = WordOutput(many=True)
    limits = LimitsOutput()


class Rubric(ApiView):
    tag = "Tasks"
    access = {"GET": READ_OR_RUN}
    queries = {"GET": InstructionQuery}

    @extend_schema(responses=RubricOutput)
    def get(self, request: Request) -> Response:
        """How progress may be read on a task. The template of the kind that its instruction suggests."""
        category = intended_category(assignments.clean_instruction(self.query["instruction"]))
        stages = [stage.as_json() for stage in rubrics.rubric_for(category)]
        return answer(RubricOutput, {"category": category.value, "rubric": stages})


class StationTasks(ApiView):
    tag = "Tasks"
    access = {"GET": READ_OR_RUN}
    queries = {"GET": PageQuery}

    @extend_schema(responses=TaskPageOutput)
    def get(self, request: Request, station_id: int) -> Response:
        """What the lab last asked of this kind of robot. Each task once, the newest first."""
        found = recent_tasks(own_station(request, station_id), now=timezone.now())
        return answer(TaskPageOutput, page_of(request, found, self.query, _task))


class Vocabulary(ApiView):
    tag = "Tasks"
    access = {"GET": Open.TO_ALL}

    @extend_schema(responses=VocabularyOutput)
    def get(self, request: Request) -> Response:
        """All words that may be chosen from, with their labels, and the limits of this installation."""
        return answer(VocabularyOutput, _words() | {"limits": _limits()})


def _words() -> dict[str, Any]:
    kinds = {
        "states": State,
        "preferences": Preference,
        "failure_modes": FailureMode,
        "invalid_reasons": INVALID_REASONS,
        "abandon_reasons": ABANDON_REASONS,
        "categories": TaskCategory,
        "moments": Photo.Moment,
        "media_states": MediaFile.Check,
        "cameras": Camera,
        "action_spaces": ActionSpace,
        "roles": Role,
        "scopes": Scope,
        "notices": NoticeKind,
    }
    return {name: [{"value": word.value, "label": str(word.label)} for word in words] for name, words in kinds.items()}


def _limits() -> dict[str, int]:
    return {
        "instruction_length": assignments.INSTRUCTION_MAX_LENGTH,
        "notes_length": drafts.NOTES_MAX_LENGTH,
        "comment_length": sessions.COMMENT_MAX_LENGTH,
        "rubric_stages": rubrics.MAX_STAGES,
        "stage_length": rubrics.STAGE_MAX_LENGTH,
        "photo_bytes": photos.MAX_BYTES,
        "photos": photos.MAX_PHOTOS,
        "file_bytes": settings.MAX_UPLOAD_BYTES,
        "files": files.MAX_CAMERAS,
        "open_sessions": settings.MAX_OPEN_SESSIONS,
        "lease_s": int(settings.SESSION_LEASE.total_seconds()),
    }


def _task(task: RecentTask) -> dict[str, Any]:
    return {
        "instruction": task.instruction,
        "rubric": shown.stages(task.rubric),
        "last_used_at": task.last_used_at,
        "is_due": task.is_due,
    }
