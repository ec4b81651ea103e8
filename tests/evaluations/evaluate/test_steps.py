"""The order of the steps, without a database."""

import pytest

from evaluations import drafts
from evaluations.evaluate.steps import STEPS, done, next_step, step_of
from evaluations.submissions import Missing


@pytest.mark.parametrize("field", sorted(drafts.FIELDS))
def test_every_field_of_the_draft_has_its_step(field: str) -> None:
    assert step_of(Missing(field, "").field) in STEPS


def test_reported_sides_are_run_and_scored() -> None:
    assert done({}, {"A"}) == {"run-a", "score-a"}
    assert done({}, {"A", "B"}) == {"run-a", "score-a", "restore", "run-b", "score-b"}


def test_a_progress_of_nothing_is_a_score() -> None:
    assert "score-a" in done({"a_progress": 0, "a_success": False}, set())
    assert "score-a" not in done({"a_progress": 0}, set())


def test_the_second_side_may_be_told_first() -> None:
    assert next_step({}, {"B"}).slug == "run-a"
    assert next_step({"a_progress": 10, "a_success": True}, {"B"}).slug == "judge"
