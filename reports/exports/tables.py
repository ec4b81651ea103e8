"""All tables of an export. Those of versions, labs and boards are here, those of sessions beside."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from arena.models import Lab, PolicyVersion
from evaluations.models import Side
from leaderboard.models import Snapshot
from leaderboard.naming import Names
from reports.exports import sessions
from reports.exports.schema import INSTANT, NUMBER, WHOLE, YES_NO, Column, Table
from reports.exports.sessions import Rows, public_sessions

SCORES_OF = (
    "rank_low", "rank_high", "group", "score", "low", "high", "n", "wins", "ties", "losses", "mean_progress",
)  # fmt: skip


def latest_snapshots() -> QuerySet[Snapshot]:
    """Of each board the last one."""
    return Snapshot.objects.order_by("board", "-created_at", "-pk").distinct("board")


def _published_versions() -> QuerySet[PolicyVersion]:
    """Those that a published session names. Any other one is nobody's business yet."""
    sides = Side.objects.filter(version=OuterRef("pk"), session__in=public_sessions())
    return PolicyVersion.objects.filter(Exists(sides)).select_related("policy__lab", "embodiment").order_by("pk")


def _versions() -> Iterator[list[Any]]:
    for one in _published_versions().iterator():
        lab = one.policy.lab.slug if one.policy.lab else ""
        names = [one.shown_label, one.shown_slug, one.shown_version, one.shown_name]
        facts = [lab, one.embodiment.name, one.shown_open_source, one.policy.source, one.policy.simulated]
        yield [*names, one.input_label, *facts]


def _labs() -> Rows:
    evaluating = public_sessions().values("lab")
    owning = _published_versions().order_by().values("policy__lab")
    found = Lab.objects.filter(pk__in=evaluating) | Lab.objects.filter(pk__in=owning)
    return found.order_by("slug").values_list("slug", "name", "source", "simulated").iterator()


def _boards() -> Iterator[list[Any]]:
    fields = ("board", "pk", "created_at", "input_id", "model", "code_version", "season", "total", "counted")
    for row in latest_snapshots().values_list(*fields).iterator():
        yield [*row, f"{settings.PUBLIC_URL}{reverse('snapshot-export', args=[row[1]])}"]


def _scores() -> Iterator[list[Any]]:
    for board, pk, result in latest_snapshots().values_list("board", "pk", "result").iterator(chunk_size=1):
        policies = result.get("policies", [])
        names = Names(one["policy"] for one in policies)
        for one in policies:
            yield [board, pk, names.shown(one["policy"]), *(one.get(name) for name in SCORES_OF)]


VERSIONS = Table(
    "versions",
    "The policy versions of published sessions. One that is unlisted has a pseudonym until its owners list it.",
    (
        Column("label", "policy@version, as everybody may know it."),
        Column("policy", "The first part of it."),
        Column("version", "The second part of it."),
        Column("name", "The policy's name.", free=True),
        Column("input_label", "What inputs of boards call it, which never changes."),
        Column("lab", "Its owner: `slug` in labs; empty where nobody here owns it."),
        Column("embodiment", "The kind of robot that it drives.", free=True),
        Column("open_source", "Whether its owners say that its weights can be had.", YES_NO),
        Column("source", "registered or imported."),
        Column("simulated", "Whether it meets only simulated robots.", YES_NO),
    ),
    ("label",),
    _versions,
)
LABS = Table(
    "labs",
    "The labs that evaluated, and those whose policies were evaluated.",
    (
        Column("slug", "The lab; its page is /labs/SLUG."),
        Column("name", "Its name.", free=True),
        Column("source", "registered or imported."),
        Column("simulated", "Whether its robots are simulated.", YES_NO),
    ),
    ("slug",),
    _labs,
)
BOARDS = Table(
    "boards",
    "Of each board the last snapshot when the export was made.",
    (
        Column("board", "Its name: the scope, and after a dot the question."),
        Column("snapshot", "The snapshot's number.", WHOLE),
        Column("created_at", "When it was computed.", INSTANT),
        Column("input_sha256", "Of the input that it was computed from."),
        Column("model", "The ranking model."),
        Column("code_version", "The version of the code that computed it."),
        Column("season", "The season whose mix of tasks its scores are for."),
        Column("total", "Sessions that ended and belong to the question.", WHOLE),
        Column("counted", "Those of them that were counted.", WHOLE),
        Column("address", "Where it can be had with its input, for `rank`."),
    ),
    ("board",),
    _boards,
)
SCORES = Table(
    "scores",
    "The policies of those snapshots.",
    (
        Column("board", "`board` in boards."),
        Column("snapshot", "The snapshot's number.", WHOLE),
        Column("policy", "`label` in versions."),
        Column("rank_low", "The best rank that it may have.", WHOLE),
        Column("rank_high", "The worst.", WHOLE),
        Column("group", "Policies that share a letter are not separated."),
        Column("score", "Its score, in log-odds.", NUMBER),
        Column("low", "The lower end of the 95 % interval.", NUMBER),
        Column("high", "The upper end.", NUMBER),
        Column("n", "Comparisons.", WHOLE),
        Column("wins", "Of these preferred.", WHOLE),
        Column("ties", "Of these tied.", WHOLE),
        Column("losses", "Of these the other preferred.", WHOLE),
        Column("mean_progress", "The mean of its progress, 0 to 1.", NUMBER),
    ),
    ("board", "policy"),
    _scores,
)

TABLES = (
    sessions.SESSIONS, sessions.SIDES, sessions.RESULTS, sessions.EXCLUSIONS, sessions.TAGS, sessions.MEDIA,
    VERSIONS, LABS, BOARDS, SCORES,
)  # fmt: skip
