"""The shapes of what is answered about sessions. `evaluations/api/shown.py` fills them."""

from rest_framework import serializers

from arena.api.fields import Output
from arena.api.pagination import PageOutput
from evaluations.models import FailureMode, MediaFile, Photo, Preference, State, TaskCategory
from evaluations.pairing import DrawKind
from evaluations.reasons import Reason


class StageOutput(Output):
    percent = serializers.IntegerField()
    text = serializers.CharField()


class NamedLabOutput(Output):
    slug = serializers.SlugField()
    name = serializers.CharField()


class SessionStationOutput(Output):
    id = serializers.IntegerField()
    name = serializers.CharField()
    cameras = serializers.ListField(child=serializers.CharField())
    embodiment = serializers.CharField()


class EpisodeOutput(Output):
    progress = serializers.FloatField(allow_null=True, help_text="0 to 1.")
    success = serializers.BooleanField(allow_null=True)
    failure_modes = serializers.ListField(child=serializers.ChoiceField(choices=FailureMode.choices))
    recovered = serializers.BooleanField(allow_null=True)
    duration_steps = serializers.IntegerField(allow_null=True)
    received_at = serializers.DateTimeField()


class MediaOutput(Output):
    id = serializers.IntegerField()
    kind = serializers.CharField(help_text="`left`, `right`, `wrist`, another camera, or `trajectory`.")
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=MediaFile.Check.choices)
    problem = serializers.CharField(allow_blank=True)
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    duration_s = serializers.FloatField(allow_null=True)
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    black = serializers.BooleanField(allow_null=True)
    frozen = serializers.BooleanField(allow_null=True)
    received_at = serializers.DateTimeField()
    video_url = serializers.CharField(allow_null=True)
    poster_url = serializers.CharField(allow_null=True)


class UploadOutput(Output):
    id = serializers.UUIDField()
    kind = serializers.CharField()
    filename = serializers.CharField(allow_blank=True)
    size = serializers.IntegerField()
    offset = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class LiveOutput(Output):
    connection = serializers.ChoiceField(choices=["never", "open", "closed"])
    steps = serializers.ChoiceField(choices=["none", "a few", "tens", "hundreds", "thousands"])
    trouble = serializers.BooleanField()


class NamedPolicyOutput(Output):
    slug = serializers.SlugField()
    name = serializers.CharField()
    version = serializers.CharField()


class SideOutput(Output):
    relay_url = serializers.CharField(
        allow_null=True, help_text="Where its policy is reached while the session is open."
    )
    episode = EpisodeOutput(allow_null=True)
    media = MediaOutput(many=True)
    uploads = UploadOutput(many=True, help_text="Begun and not finished.")
    live = LiveOutput()
    policy = NamedPolicyOutput(allow_null=True, help_text="Null until the session is revealed.")


class SidesOutput(Output):
    A = SideOutput()
    B = SideOutput()


class PhotoOutput(Output):
    id = serializers.IntegerField()
    moment = serializers.ChoiceField(choices=Photo.Moment.choices)
    url = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class MissingOutput(Output):
    field = serializers.CharField()
    text = serializers.CharField()


class DraftValuesOutput(Output):
    revision = serializers.IntegerField()
    values = serializers.DictField(child=serializers.JSONField())


class ResultOutput(Output):
    preference = serializers.ChoiceField(choices=Preference.choices, allow_null=True)
    notes = serializers.CharField(allow_blank=True)
    submitted_at = serializers.DateTimeField()


class SessionFactsOutput(Output):
    """What is fixed, and how it stands."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=State.choices)
    valid = serializers.BooleanField(allow_null=True)
    reason = serializers.ChoiceField(choices=Reason.choices, allow_blank=True)
    reason_text = serializers.CharField(allow_blank=True)
    simulated = serializers.BooleanField()
    lab = NamedLabOutput()
    instruction = serializers.CharField()
    rubric = StageOutput(many=True)
    category = serializers.ChoiceField(choices=TaskCategory.choices)
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    result = ResultOutput(allow_null=True)


class SessionOutput(SessionFactsOutput):
    training = serializers.BooleanField()
    station = SessionStationOutput(allow_null=True)
    active_at = serializers.DateTimeField(allow_null=True)
    lease_expires_at = serializers.DateTimeField(allow_null=True)
    revealed_at = serializers.DateTimeField(allow_null=True)
    draw_kind = serializers.ChoiceField(
        choices=list(DrawKind), allow_null=True, help_text="Null until the session is revealed."
    )
    now = serializers.DateTimeField(help_text="The server's clock.")
    sides = SidesOutput()
    photos = PhotoOutput(many=True)
    draft = DraftValuesOutput()
    missing = MissingOutput(many=True, help_text="What a valid result still needs.")


class SessionPageOutput(PageOutput):
    results = SessionOutput(many=True)


class LiveSideOutput(LiveOutput):
    episode = serializers.BooleanField()
    media = serializers.IntegerField()


class LiveSidesOutput(Output):
    A = LiveSideOutput()
    B = LiveSideOutput()


class LiveSessionOutput(Output):
    state = serializers.ChoiceField(choices=State.choices)
    now = serializers.DateTimeField()
    lease_expires_at = serializers.DateTimeField(allow_null=True)
    revision = serializers.IntegerField()
    sides = LiveSidesOutput()


class SavedDraftOutput(DraftValuesOutput):
    missing = MissingOutput(many=True)
    lease_expires_at = serializers.DateTimeField()


class LeaseOutput(Output):
    lease_expires_at = serializers.DateTimeField(allow_null=True)


class ChoiceOfPolicyOutput(Output):
    slug = serializers.SlugField()
    name = serializers.CharField()


class GuessChoicesOutput(Output):
    choices = ChoiceOfPolicyOutput(many=True)


class RubricOutput(Output):
    category = serializers.ChoiceField(choices=TaskCategory.choices)
    rubric = StageOutput(many=True)


class TaskOutput(Output):
    instruction = serializers.CharField()
    rubric = StageOutput(many=True)
    last_used_at = serializers.DateTimeField()
    is_due = serializers.BooleanField(
        help_text="It was evaluated at the station, but not lately. Put again it may measure the noise."
    )


class TaskPageOutput(PageOutput):
    results = TaskOutput(many=True)


class MeasuresOutput(Output):
    sharpness = serializers.FloatField(
        help_text="Variance of the Laplacian of luma (0 to 255) at 320 x 240; the median."
    )
    brightness = serializers.FloatField(help_text="Mean luma, 0 to 1.")
    dark_share = serializers.FloatField(help_text="Of the pixels, those as good as black.")
    bright_share = serializers.FloatField(help_text="Of the pixels, those as good as white.")
    moved = serializers.BooleanField()
    idle_at_start_s = serializers.FloatField(help_text="Before the first motion; the whole time where there is none.")
    still_at_end_s = serializers.FloatField(help_text="After the last motion; the whole time where there is none.")
    motion = serializers.ListField(
        child=serializers.FloatField(),
        help_text="Over 32 equal parts of the time: change of luma a second, as a share of its range.",
    )


class CameraFactsOutput(Output):
    kind = serializers.CharField()
    duration_s = serializers.FloatField()
    frames = serializers.IntegerField()
    black = serializers.BooleanField()
    frozen = serializers.BooleanField()
    measures = MeasuresOutput()
    sheet_url = serializers.CharField(allow_null=True, help_text="12 frames, evenly spread over the time, as JPEG.")


class EpisodeFactsOutput(Output):
    """What was measured of a side's videos."""

    seen = serializers.ListField(child=serializers.CharField(), help_text="The cameras that show anything.")
    duration_s = serializers.FloatField(help_text="Of the longest video.")
    frames = serializers.IntegerField()
    brightness = serializers.FloatField(help_text="The mean of the cameras that show anything.")
    sharpness = serializers.FloatField(help_text="Of the sharpest camera.")
    idle_at_start_s = serializers.FloatField(help_text="While no camera sees motion.")
    still_at_end_s = serializers.FloatField(help_text="While no camera sees motion.")
    moved = serializers.BooleanField()
    black = serializers.BooleanField()
    frozen = serializers.BooleanField()
    cameras = CameraFactsOutput(many=True)


class PublicSideOutput(Output):
    policy = NamedPolicyOutput()
    episode = EpisodeOutput(allow_null=True)
    media = MediaOutput(many=True)
    facts = EpisodeFactsOutput(allow_null=True, help_text="Null until a video of the side was measured.")


class PublicSidesOutput(Output):
    A = PublicSideOutput()
    B = PublicSideOutput()


class ExclusionOutput(Output):
    reason = serializers.CharField()
    comment = serializers.CharField()
    created_at = serializers.DateTimeField()


class LiftedExclusionOutput(ExclusionOutput):
    lifted_because = serializers.CharField()
    lifted_at = serializers.DateTimeField()


class PublicSessionOutput(SessionFactsOutput):
    embodiment = serializers.CharField()
    evaluator = serializers.CharField(allow_blank=True, help_text="A pseudonym.")
    source = serializers.CharField()  # type: ignore[assignment]
    draw_kind = serializers.ChoiceField(
        choices=list(DrawKind),
        allow_null=True,
        help_text="`repeat`: the same pair on the same task as before; `same_policy`: one policy on both sides. Both "
        "measure the noise. Null where it was imported.",
    )
    pair_probability = serializers.FloatField(
        allow_null=True, help_text="With which exactly this ordered pair was drawn. Null where it was imported."
    )
    pool_size = serializers.IntegerField(allow_null=True, help_text="From so many policies it was drawn.")
    sides = PublicSidesOutput()
    exclusion = ExclusionOutput(allow_null=True, help_text="Why a steward does not let it count.")
    lifted_exclusion = LiftedExclusionOutput(
        allow_null=True, help_text="Why it was excluded for a time, and why it counts again: an appeal was heard."
    )


class PublicSessionPageOutput(PageOutput):
    results = PublicSessionOutput(many=True)
