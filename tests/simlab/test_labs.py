from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from simlab.lab import Plan
from simlab.labs import PROFILES, Profile
from simlab.tasks import TASKS

DRAWS = 3000


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_lab_tests_what_its_mix_says(profile: Profile) -> None:
    rng = np.random.default_rng(7)
    drawn = Counter(profile.choose_task(rng)[0].family for _ in range(DRAWS))
    total = sum(profile.mix.values())
    for family, weight in profile.mix.items():
        assert drawn[family] / DRAWS == pytest.approx(weight / total, abs=0.03)


def test_labs_differ_in_what_they_test_and_how_they_judge() -> None:
    assert len(PROFILES) >= 3
    assert len({tuple(profile.weights().values()) for profile in PROFILES.values()}) == len(PROFILES)
    assert len({profile.habits for profile in PROFILES.values()}) == len(PROFILES)


def test_some_sessions_are_spoiled_and_some_are_left() -> None:
    rng = np.random.default_rng(7)
    plans = [Plan.make(PROFILES["aurora"], rng) for _ in range(DRAWS)]
    assert sum(plan.mishap is not None for plan in plans) / DRAWS == pytest.approx(0.03, abs=0.01)
    assert sum(plan.walks_away for plan in plans) / DRAWS == pytest.approx(0.02, abs=0.01)


def test_all_phrasings_of_a_task_are_used() -> None:
    rng = np.random.default_rng(7)
    plans = [Plan.make(PROFILES["aurora"], rng) for _ in range(DRAWS)]
    assert {plan.instruction for plan in plans} == {words for task in TASKS.values() for words in task.instructions}
