"""The tables of /integrity in full."""

import csv
from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse

from arena.texts import as_cell
from evaluations.reasons import ABANDON_REASONS, Reason
from leaderboard.completion import Completion
from leaderboard.concentration import COMPLETION_BELOW
from leaderboard.integrity import Facts

NOT_VALID = tuple(
    reason for reason in Reason if reason not in (Reason.LEASE_EXPIRED, Reason.NO_TIME, Reason.EVALUATOR_LEFT)
)


def concentration(facts: Facts) -> HttpResponse:
    """Of each policy version the largest evaluator, lab and opponent; without a version: of all sessions."""
    columns = ["policy", "by", "largest", "sessions", "counted", "share", "watch_from", "review_from", "state"]
    rows = [
        [
            *(one.version, one.by, as_cell(one.source), one.sessions, one.counted, round(one.share, 6)),
            *(round(one.limits.watch, 6), round(one.limits.review, 6), one.verdict),
        ]
        for one in facts.shares
    ]
    return _answer(f"concentration-{facts.scope.slug}.csv", columns, rows)


def completion(facts: Facts) -> HttpResponse:
    """Of all sessions, each lab, evaluator, policy version and pair. A session counts for both of its versions."""
    columns = ["of", "name", "assigned", "valid", "not_valid", "abandoned", "expired", "completion", "watch_below"]
    reasons = [f"not_valid_{reason}" for reason in NOT_VALID] + [f"abandoned_{reason}" for reason in ABANDON_REASONS]
    found = {
        "all": [facts.all],
        "lab": facts.labs,
        "evaluator": facts.evaluators,
        "policy": facts.versions,
        "pair": facts.pairs,
    }
    rows = [_completion(of, one) for of, completions in found.items() for one in completions]
    return _answer(f"completion-{facts.scope.slug}.csv", [*columns, "state", *reasons], rows)


def _completion(of: str, one: Completion) -> list[Any]:
    return [
        *(of, as_cell(one.name), one.assigned, one.valid, sum(one.not_valid.values()), sum(one.abandoned.values())),
        *(one.expired, "" if one.rate is None else round(one.rate, 6), COMPLETION_BELOW, one.verdict),
        *(one.not_valid.get(reason, 0) for reason in NOT_VALID),
        *(one.abandoned.get(reason, 0) for reason in ABANDON_REASONS),
    ]


def _answer(name: str, columns: list[str], rows: Iterable[list[Any]]) -> HttpResponse:
    answer = HttpResponse(content_type="text/csv")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    writer = csv.writer(answer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return answer
