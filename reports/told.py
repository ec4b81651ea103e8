"""A report as it is told: with the names that everybody may read today, and with what was excluded since."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from evaluations.models import Session
from evaluations.models.sessions import EXCLUDED
from leaderboard.naming import Names
from reports import words
from reports.models import PolicyReport

SCHEMA = 1


@dataclass(frozen=True)
class Told:
    """evidence, claims, changes: as stored, with names of today. excluded: sessions behind it that count no more."""

    report: PolicyReport
    evidence: Mapping[str, Any]
    claims: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    excluded: frozenset[str]

    @property
    def written_by(self) -> str:
        return words.written_by(self.report.provider, self.report.model, self.report.prompt_version)

    @property
    def dropped(self) -> list[tuple[int, str]]:
        """How many claims were not published, and why, the most frequent reason first."""
        counts = sorted(self.report.dropped.items(), key=lambda one: (-one[1], one[0]))
        return [(count, words.DROPPED.get(code, code)) for code, count in counts]


def told(report: PolicyReport) -> Told:
    parts = {"evidence": report.evidence, "claims": report.claims, "changes": report.changes}
    names = Names(_texts(parts))
    shown = _shown(parts, names)
    behind = Session.objects.filter(EXCLUDED, pk__in=report.evidence["sessions"]).values_list("pk", flat=True)
    return Told(report, shown["evidence"], shown["claims"], shown["changes"], frozenset(map(str, behind)))


def as_json(report: PolicyReport) -> dict[str, Any]:
    """The form of docs/reports.md. What is added later changes nothing that is there."""
    found = told(report)
    return {
        "schema": SCHEMA,
        **head(report),
        "written": found.written_by,
        "repaired": report.repaired,
        "dropped": dict(report.dropped),
        "changes": found.changes,
        "evidence": found.evidence,
        "claims": found.claims,
        "excluded_since": sorted(found.excluded),
    }


def head(report: PolicyReport) -> dict[str, Any]:
    """What tells one report from another."""
    return {
        "id": str(report.pk),
        "version": report.version.shown_label,
        "against": report.other.shown_label if report.other else None,
        "number": report.number,
        "made_at": report.made_at.isoformat(),
        "sessions": report.sessions,
        "provider": report.provider,
        "model": report.model,
        "prompt_version": report.prompt_version,
    }


def _texts(value: Any) -> Iterable[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)


def _shown(value: Any, names: Names) -> Any:
    match value:
        case str():
            return names.shown(value)
        case dict():
            return {key: _shown(inner, names) for key, inner in value.items()}
        case list():
            return [_shown(inner, names) for inner in value]
        case _:
            return value
