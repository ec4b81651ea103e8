"""The steps of a session in the browser, in their order, and which one comes next. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from evaluations.models import Label


@dataclass(frozen=True)
class Step:
    slug: str
    title: str
    side: str = ""


RUN_A = Step("run-a", "Run A", "A")
SCORE_A = Step("score-a", "Score A", "A")
RESTORE = Step("restore", "Put back")
RUN_B = Step("run-b", "Run B", "B")
SCORE_B = Step("score-b", "Score B", "B")
JUDGE = Step("judge", "Judge")
CHECK = Step("check", "Check")
STEPS = (RUN_A, SCORE_A, RESTORE, RUN_B, SCORE_B, JUDGE, CHECK)

_OF_FIELDS = {
    "scene_restored": RESTORE,
    "preference": JUDGE,
    "notes": JUDGE,
    "valid": JUDGE,
    "invalid_reason": JUDGE,
    "invalid_comment": JUDGE,
}


def step_of(field: str) -> Step:
    """Where a field of the draft is entered."""
    side_steps = {"a": SCORE_A, "b": SCORE_B}
    return _OF_FIELDS.get(field) or side_steps[field.partition("_")[0]]


def done(values: Mapping[str, Any], reported: Collection[str]) -> set[str]:
    """The slugs of the steps that need nothing more. `reported` are the sides whose client has told their episode."""
    found = set()
    for label, run, score in ((Label.A, RUN_A, SCORE_A), (Label.B, RUN_B, SCORE_B)):
        name = label.lower()
        scored = label in reported or _is_scored(values, name)
        if scored:
            found.add(score.slug)
        if scored or values.get(f"{name}_done"):
            found.add(run.slug)
    if values.get("scene_restored") or RUN_B.slug in found:
        found.add(RESTORE.slug)
    if values.get("preference") or _is_set_aside(values):
        found.add(JUDGE.slug)
    return found


def next_step(values: Mapping[str, Any], reported: Collection[str]) -> Step:
    """The first step that is not done. A session that is not to count needs no more than to be checked."""
    if _is_set_aside(values):
        return CHECK
    finished = done(values, reported)
    return next(step for step in STEPS if step.slug not in finished)


def chosen_step(slug: str | None, values: Mapping[str, Any], reported: Collection[str]) -> Step:
    return next((step for step in STEPS if step.slug == slug), None) or next_step(values, reported)


def _is_scored(values: Mapping[str, Any], name: str) -> bool:
    return values.get(f"{name}_progress") is not None and values.get(f"{name}_success") is not None


def _is_set_aside(values: Mapping[str, Any]) -> bool:
    return values.get("valid") is False and bool(values.get("invalid_reason"))
