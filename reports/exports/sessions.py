"""The tables of sessions: of what is published of them, and nothing else."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.db.models import Case, CharField, F, OuterRef, Q, QuerySet, Subquery, TextField, Value, When
from django.db.models.functions import Coalesce, Concat
from django.urls import reverse

from arena.models import Source
from evaluations.models import Exclusion, MediaFile, Result, Session, Side, Tag
from evaluations.models.sessions import LIFTED, STANDING_CATEGORY
from evaluations.scopes import SCOPES
from reports.exports.schema import INSTANT, NUMBER, WHOLE, YES_NO, Column, Table

CHUNK = 2000
Rows = Iterable[Sequence[Any]]

SESSION = Column("session", "The session's id; its page is /sessions/ID.")
SIDE = Column("side", "A or B.")


def public_sessions() -> QuerySet[Session]:
    return Session.objects.public()


def shown_label(version: str) -> Case:
    """As `PolicyVersion.shown_label`, in a query."""
    name = Concat(f"{version}__policy__slug", Value("@"), f"{version}__version", output_field=CharField())
    unlisted = ~Q(**{f"{version}__pseudonym": ""}) & Q(**{f"{version}__listed_at": None})
    return Case(When(unlisted, then=F(f"{version}__pseudonym")), default=name, output_field=CharField())


def _sessions() -> Rows:
    latest = Result.objects.filter(session=OuterRef("pk")).latest_first()
    scopes = [When(source=scope.source, simulated=scope.simulated, then=Value(scope.slug)) for scope in SCOPES]
    found = public_sessions().annotate(
        scope=Case(*scopes, default=Value(""), output_field=CharField()),
        told_kind=Case(When(source=Source.IMPORTED, then=Value("")), default=F("draw_kind"), output_field=CharField()),
        told_evaluator=Coalesce("evaluator__pseudonym", "evaluator_alias"),
        standing_category=STANDING_CATEGORY,
        preference=Subquery(latest.values("preference")[:1]),
        notes=Subquery(latest.values("notes")[:1]),
    )
    return found.order_by("closed_at", "pk").values_list(*_SESSION_FIELDS).iterator(CHUNK)


_SESSION_FIELDS = (
    "pk", "scope", "state", "valid", "reason", "reason_comment", "lab__slug", "told_evaluator", "embodiment__name",
    "instruction", "standing_category", "intended_category", "tagged_category", "corrected_category",
    "opened_at", "closed_at", "told_kind", "pair_probability", "pool_size", "requested", "preference", "notes",
)  # fmt: skip


def _sides() -> Rows:
    found = Side.objects.filter(session__in=public_sessions()).annotate(policy=shown_label("version"))
    figures = ("progress", "success", "failure_modes", "recovered", "duration_steps", "reported_latency_s", "camera")
    fields = ("session_id", "label", "policy", *(f"episode__{name}" for name in figures), "episode__received_at")
    for row in found.order_by("session_id", "label").values_list(*fields).iterator(CHUNK):
        yield [*row[:5], " ".join(row[5] or ()), *row[6:]]


def _results() -> Rows:
    found = Result.objects.filter(session__in=public_sessions()).order_by("submitted_at", "pk")
    return found.values_list("pk", "session_id", "corrects_id", "preference", "notes", "submitted_at").iterator(CHUNK)


def _exclusions() -> Rows:
    lifted = Q(appeal__state=LIFTED)
    found = Exclusion.objects.filter(session__in=public_sessions()).annotate(
        lifted_because=Case(When(lifted, then=F("appeal__comment")), default=Value(""), output_field=TextField()),
        lifted_at=Case(When(lifted, then=F("appeal__decided_at"))),
    )
    fields = ("session_id", "reason", "comment", "created_at", "lifted_at", "lifted_because")
    return found.order_by("created_at", "pk").values_list(*fields).iterator(CHUNK)


def _tags() -> Rows:
    found = Tag.objects.filter(session__in=public_sessions()).annotate(
        by=Case(When(person=None, then=Value("tagger")), default=Value("person"))
    )
    tagger = ("tagging__provider", "tagging__model", "tagging__prompt_version")
    fields = ("pk", "session_id", "side__label", "question", "answer", "why", "moment_s", "by", *tagger, "made_at")
    return found.order_by("pk").values_list(*fields).iterator(CHUNK)


def _media() -> Rows:
    found = MediaFile.objects.filter(side__session__in=public_sessions(), withdrawn_at=None)
    videos = found.exclude(kind=MediaFile.Kind.TRAJECTORY).order_by("side__session_id", "side__label", "kind")
    facts = ("check_state", "duration_s", "frames", "width", "height", "codec", "playback")
    fields = ("side__session_id", "side__label", "kind", "size", "sha256", *facts)
    for *row, playback in videos.values_list(*fields).iterator(CHUNK):
        address = f"{settings.PUBLIC_URL}{reverse('session-video', args=row[:3])}"
        yield [*row[:3], address, not playback, *row[3:]]


SESSIONS = Table(
    "sessions",
    "Every session that ended and was published, with how its pair was drawn and what its evaluator said.",
    (
        SESSION,
        Column("scope", "Which body of evidence it belongs to: overall, imported or simulation. Never mixed."),
        Column("state", "submitted, expired or abandoned."),
        Column("valid", "Whether its evaluator said that it is valid; empty where it was never submitted.", YES_NO),
        Column("reason", "Why it is not valid, or was not submitted."),
        Column("reason_comment", "The same in the evaluator's words.", free=True),
        Column("lab", "The lab that evaluated: `slug` in labs."),
        Column("evaluator", "A pseudonym, the same in all sessions of a person.", free=True),
        Column("embodiment", "The kind of robot.", free=True),
        Column("instruction", "What the policies were told, fixed before the pair was drawn.", free=True),
        Column("task_category", "What stands of the next three: a person's word, else a tagger's, else the rule's."),
        Column("intended_category", "What a rule made of the instruction."),
        Column("tagged_category", "What a tagger said last."),
        Column("corrected_category", "What a person said last."),
        Column("opened_at", "When the pair was drawn.", INSTANT),
        Column("closed_at", "When it ended.", INSTANT),
        Column("draw_kind", "How the pair was drawn: normal, requested, returned, repeat or same-policy."),
        Column("pair_probability", "With which probability exactly this ordered pair was drawn.", NUMBER),
        Column("pool_size", "From how many versions.", WHOLE),
        Column("requested", "Whether an owner ordered it.", YES_NO),
        Column("preference", "A, B or TIE: the result that stands."),
        Column("notes", "Why, in the evaluator's words.", free=True),
    ),
    ("session",),
    _sessions,
)
SIDES = Table(
    "sides",
    "The two rollouts of each session, as they were reported.",
    (
        SESSION,
        SIDE,
        Column("policy", "`label` in versions."),
        Column("progress", "How far the policy got, 0 to 1.", NUMBER),
        Column("success", "Whether the task was done.", YES_NO),
        Column("failure_modes", "What went wrong, in words divided by blanks."),
        Column("recovered", "Whether it recovered after a failure.", YES_NO),
        Column("duration_steps", "The index of the last step.", WHOLE),
        Column("reported_latency_s", "The mean time of an inference as the client measured it, in seconds.", NUMBER),
        Column("camera", "The camera that the policy was shown.", free=True),
        Column("received_at", "When the rollout was reported.", INSTANT),
    ),
    ("session", "side"),
    _sides,
)
RESULTS = Table(
    "results",
    "Every judgement. One that was corrected stays, and the correction points at it.",
    (
        Column("result", "Its number.", WHOLE),
        SESSION,
        Column("corrects", "The number of the result that it corrects.", WHOLE),
        Column("preference", "A, B or TIE."),
        Column("notes", "Why, in the evaluator's words.", free=True),
        Column("submitted_at", "When it was said.", INSTANT),
    ),
    ("result",),
    _results,
)
EXCLUSIONS = Table(
    "exclusions",
    "Sessions that stewards keep out of all boards, with the public reason. One that was lifted counts again.",
    (
        SESSION,
        Column("reason", "The reason in a word."),
        Column("comment", "The reason in words.", free=True),
        Column("excluded_at", "Since when.", INSTANT),
        Column("lifted_at", "When an appeal lifted it; empty where it stands.", INSTANT),
        Column("lifted_because", "Why, in a steward's words.", free=True),
    ),
    ("session",),
    _exclusions,
)
TAGS = Table(
    "tags",
    "What taggers and people answered about sessions and rollouts. Of one question a person's last word stands, "
    "else the last tagger's.",
    (
        Column("tag", "Its number.", WHOLE),
        SESSION,
        Column("side", "A or B; empty: it is about the session."),
        Column("question", "What was asked."),
        Column("answer", "What was answered."),
        Column("why", "Why, in words.", free=True),
        Column("moment_s", "When it is seen, in seconds from the beginning of the videos.", NUMBER),
        Column("by", "tagger or person."),
        Column("provider", "Of a tagger: the service that ran it."),
        Column("model", "Of a tagger: the model; empty where rules tagged."),
        Column("prompt_version", "Of a tagger: the version of its questions."),
        Column("made_at", "When it was said.", INSTANT),
    ),
    ("tag",),
    _tags,
)
MEDIA = Table(
    "media",
    "Where the videos are, with the SHA-256 of each as it was uploaded. The files themselves are not in the export.",
    (
        SESSION,
        SIDE,
        Column("camera", "left, right, wrist, or the name of another camera."),
        Column("address", "Where it is served."),
        Column("served_as_uploaded", "Whether that is the uploaded file, or a form of it that browsers play.", YES_NO),
        Column("size", "Bytes of the uploaded file.", WHOLE),
        Column("sha256", "Of the uploaded file."),
        Column("check", "passed, failed or pending."),
        Column("duration_s", "Its length in seconds.", NUMBER),
        Column("frames", "How many frames.", WHOLE),
        Column("width", "In pixels.", WHOLE),
        Column("height", "In pixels.", WHOLE),
        Column("codec", "How it is encoded."),
    ),
    ("session", "side", "camera"),
    _media,
)  # fmt: skip
