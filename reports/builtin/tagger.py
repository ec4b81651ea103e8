"""What the built-in rules say of a session: of its instruction, and of what was measured of its videos. No model."""

from collections.abc import Iterator
from typing import Any

from evaluations import categories
from evaluations.models import TaskCategory
from evaluations.tags.questions import CATEGORY, NO, YES, failure_question
from evaluations.tags.records import Said
from reports.builtin import failures, instruction, scene
from reports.builtin.findings import Finding
from reports.tagging.looking import Look

VERSION = "rules-1"


def said(look: Look) -> list[Said]:
    """Its answers, each with the words or the figure that decided. What it cannot tell it leaves out."""
    return [*_of_session(look), *_of_rollouts(look)]


def _of_session(look: Look) -> Iterator[Said]:
    reading = categories.read_instruction(look.instruction)
    if reading.category is not TaskCategory.UNKNOWN:
        yield Said(CATEGORY, reading.category.value, why=reading.why)
    rollouts = [facts for facts in look.facts.values() if facts]
    findings: dict[str, Finding[Any]] = {
        "kind": instruction.kind(reading),
        "difficulty": instruction.difficulty(reading),
        "clear-instruction": instruction.clear_instruction(reading),
        "needs-reasoning": instruction.needs_reasoning(reading),
        "clear-view": scene.clear_view(rollouts),
        "good-light": scene.good_light(rollouts),
    }
    for question, finding in findings.items():
        if finding.answer is not None:
            yield Said(question, _answer(finding), why=finding.why)


def _of_rollouts(look: Look) -> Iterator[Said]:
    for label, facts in look.facts.items():
        found = failures.hints(facts, look.progress[label]) if facts else {}
        for mode, finding in found.items():
            if finding.answer is not None:
                question = failure_question(mode).key
                yield Said(question, _answer(finding), label=label, why=finding.why, moment_s=finding.moment_s)


def _answer(finding: Finding[Any]) -> str:
    if isinstance(finding.answer, bool):
        return YES if finding.answer else NO
    return str(finding.answer)
