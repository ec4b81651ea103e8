from __future__ import annotations

from collections import Counter

import pytest

from simlab.tasks import FAMILIES, TASKS, task_for


def test_there_are_enough_tasks_in_every_family() -> None:
    families = Counter(task.family for task in TASKS.values())
    assert len(TASKS) == 18
    assert set(families) == set(FAMILIES)
    assert min(families.values()) >= 2


def test_every_instruction_means_one_task() -> None:
    phrases = [(phrase, task) for task in TASKS.values() for phrase in task.instructions]
    assert len({phrase for phrase, _ in phrases}) == len(phrases)
    for phrase, task in phrases:
        assert task_for(phrase) is task


@pytest.mark.parametrize("said", ["Open the drawer.", "  open   the drawer ", "OPEN THE DRAWER!"])
def test_case_spaces_and_stops_do_not_matter(said: str) -> None:
    assert task_for(said) is TASKS["drawer-open-v3"]


def test_other_words_mean_no_task() -> None:
    assert task_for("fold the towel") is None
