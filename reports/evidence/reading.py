"""The records of a version's sessions, read for evidence in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from arena.models import Lab, PolicyVersion
from evaluations.models import FailureMode, Preference, Result, Session, Side, Tag, TaskCategory
from evaluations.pairing import DrawKind
from evaluations.tags.questions import CATEGORY, RECOVERED, SESSION_QUESTIONS, YES, failure_of
from evaluations.tags.selectors import standing_tags
from reports.evidence.items import Evidence, Names, gather
from reports.evidence.meetings import Meeting, Outcome

_FROM_SIDE = {
    ("A", Preference.A.value): Outcome.WON,
    ("A", Preference.B.value): Outcome.LOST,
    ("B", Preference.B.value): Outcome.WON,
    ("B", Preference.A.value): Outcome.LOST,
}


def evidence_on(version: PolicyVersion, other: PolicyVersion | None = None) -> Evidence:
    """What is known of a version; with another one, of what it did against that. Names are the public ones."""
    meetings = meetings_of(version, other)
    return gather(
        subject=version.shown_label, other=other.shown_label if other else None, meetings=meetings, names=names()
    )


def counting() -> QuerySet[Session]:
    """The sessions of which something can be told: valid, excluded by no steward, of two versions."""
    return Session.objects.valid().not_excluded().exclude(draw_kind=DrawKind.SAME_POLICY)


def counted_sessions(version: PolicyVersion, other: PolicyVersion | None = None) -> QuerySet[Session]:
    """A version's valid sessions that no steward excluded, but for those in which it met itself."""
    mine = counting().filter(pk__in=Side.objects.filter(version=version).values("session"))
    return mine.filter(pk__in=Side.objects.filter(version=other).values("session")) if other else mine


def meetings_of(version: PolicyVersion, other: PolicyVersion | None = None) -> list[Meeting]:
    sessions = counted_sessions(version, other)
    tags = _tags(sessions, version)
    rows = list(_rows(version, sessions))
    opponents = PolicyVersion.objects.select_related("policy").in_bulk({row["opponent"] for row in rows})
    return [_meeting(row, opponents[row["opponent"]].shown_label, tags.get(row["session"], {})) for row in rows]


def _rows(version: PolicyVersion, sessions: QuerySet[Session]) -> Iterable[Mapping[str, Any]]:
    result = Result.objects.filter(session=OuterRef("session")).latest_first()
    theirs = Side.objects.filter(session=OuterRef("session")).exclude(pk=OuterRef("pk"))
    rows: Iterable[Any] = (
        Side.objects.filter(version=version, session__in=sessions)
        .annotate(
            preference=Subquery(result.values("preference")[:1]),
            notes=Subquery(result.values("notes")[:1]),
            their_progress=Subquery(theirs.values("episode__progress")[:1]),
            opponent=Subquery(theirs.values("version")[:1]),
            evaluator=Coalesce("session__evaluator__pseudonym", "session__evaluator_alias"),
        )
        .values(
            "session", "label", "preference", "notes", "their_progress", "opponent", "evaluator",
            "episode__progress", "episode__success", "episode__failure_modes", "episode__recovered",
            lab=F("session__lab__slug"),
            instruction=F("session__instruction"),
            at=F("session__closed_at"),
            corrected=F("session__corrected_category"),
            tagged=F("session__tagged_category"),
            intended=F("session__intended_category"),
        )
        .order_by("session__closed_at", "session")
    )  # fmt: skip
    return rows


def _tags(sessions: QuerySet[Session], version: PolicyVersion) -> dict[Any, dict[str, Tag]]:
    """By session: the tags that stand of it, and of the version's side."""
    mine = set(Side.objects.filter(version=version, session__in=sessions).values_list("pk", flat=True))
    found: dict[Any, dict[str, Tag]] = defaultdict(dict)
    for tag in standing_tags(sessions).only("session_id", "side_id", "question", "answer", "moment_s", "person_id"):
        if tag.side_id is None or tag.side_id in mine:
            found[tag.session_id][tag.question] = tag
    return found


def _meeting(row: Mapping[str, Any], opponent: str, tags: Mapping[str, Tag]) -> Meeting:
    seen = {mode: tag for key, tag in tags.items() if (mode := failure_of(key)) is not None}
    reported = set(row["episode__failure_modes"] or [])
    # The evaluator saw the rollout: a tagger adds what they did not name, a person can take it away.
    denied = {mode.value for mode, tag in seen.items() if tag.answer != YES and tag.person_id is not None}
    tagged = {mode.value: tag.moment_s for mode, tag in seen.items() if tag.answer == YES}
    recovered = tags.get(RECOVERED)
    return Meeting(
        session=str(row["session"]),
        lab=row["lab"],
        evaluator=row["evaluator"],
        opponent=opponent,
        outcome=_FROM_SIDE.get((row["label"], row["preference"]), Outcome.TIED),
        label=row["label"],
        instruction=row["instruction"],
        category=row["corrected"] or row["tagged"] or row["intended"],
        at=row["at"],
        progress=row["episode__progress"],
        theirs=row["their_progress"],
        success=row["episode__success"],
        scene={one.key: tags[one.key].answer for one in SESSION_QUESTIONS if one.key in tags and one.key != CATEGORY},
        failures=frozenset((reported - denied) | set(tagged)),
        moments={mode: moment for mode, moment in tagged.items() if moment is not None},
        recovered=(recovered.answer == YES) if recovered else row["episode__recovered"],
        notes=row["notes"] or "",
    )


def names() -> Names:
    labs: Sequence[tuple[str, str]] = list(Lab.objects.values_list("slug", "name"))
    return Names(
        categories={one.value: str(one.label) for one in TaskCategory},
        labs=dict(labs),
        scene={one.key: (one.short, one.answers) for one in SESSION_QUESTIONS if one.key != CATEGORY},
        failures={one.value: str(one.label) for one in FailureMode},
    )
