from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest

from simlab.__main__ import main
from simlab.judging import Outcome
from simlab.oracle import find_truth, summarise
from tests.simlab.makers import outcome


def scored(progress: float, steps: int = 50) -> Outcome:
    return outcome(progress=progress, success=progress == 1.0, steps=steps)


@pytest.fixture
def results() -> dict[str, list[list[Outcome]]]:
    """Two tasks, two starts, three policies: the first is never beaten, the last wins once on the second task."""
    return {
        "push-v3": [
            [scored(1.0), scored(0.5), scored(0.0)],
            [scored(1.0), scored(1.0), scored(0.0)],
        ],
        "door-open-v3": [
            [scored(1.0, 20), scored(1.0, 90), scored(0.0)],
            [scored(0.4), scored(0.1), scored(0.4)],
        ],
    }


def test_standings_are_means_over_all_tasks_and_starts(results: dict[str, list[list[Outcome]]]) -> None:
    truth = summarise(results, policies=["expert", "slow", "random"])
    expert, slow, chance = truth.standings
    assert [one.policy for one in truth.standings] == ["expert", "slow", "random"]
    assert (expert.progress, slow.progress, chance.progress) == (0.85, 0.65, 0.1)
    assert (expert.success, slow.success, chance.success) == (0.75, 0.5, 0.0)
    assert expert.by_family == {
        "push": {"progress": 1.0, "success": 1.0},
        "articulated": {"progress": 0.7, "success": 0.5},
    }


def test_matches_compare_the_same_start(results: dict[str, list[list[Outcome]]]) -> None:
    first, second, third = summarise(results, policies=["expert", "slow", "random"]).matches
    assert (first.a, first.b) == ("expert", "slow")
    assert (first.a_wins, first.tie, first.b_wins) == (0.75, 0.25, 0.0)
    assert (second.a_wins, second.tie, second.b_wins) == (0.75, 0.25, 0.0)
    assert (third.a_wins, third.tie, third.b_wins) == (0.75, 0.0, 0.25)


def test_points_are_the_mean_chance_of_winning(results: dict[str, list[list[Outcome]]]) -> None:
    truth = summarise(results, policies=["expert", "slow", "random"])
    assert [one.points for one in truth.standings] == [0.875, 0.4375, 0.1875]
    assert sum(one.points for one in truth.standings) == pytest.approx(1.5)


@pytest.mark.sim
def test_the_expert_beats_chance_and_the_json_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "truth.json"
    tasks = ["drawer-open-v3", "push-v3"]
    arguments = ["oracle", "--seeds", "2", "--jobs", "1", "--policies", "random", "expert", "--tasks", *tasks]
    assert main([*arguments, "--json", "--out", str(out)]) == 0
    truth = json.loads(capsys.readouterr().out)
    assert truth == json.loads(out.read_text())
    assert [one["policy"] for one in truth["standings"]] == ["expert", "random"]
    assert truth["matches"] == [{"a": "random", "b": "expert", "a_wins": 0.0, "tie": 0.0, "b_wins": 1.0}]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert shown.index("expert") < shown.index("random")


@pytest.mark.sim
@pytest.mark.slow
def test_processes_do_not_change_the_truth() -> None:
    alone, together = (
        find_truth(policies=["expert", "slow"], tasks=["drawer-open-v3", "push-v3"], seeds=3, jobs=jobs)
        for jobs in (1, 2)
    )
    assert alone == together


@pytest.mark.sim
@pytest.mark.slow
def test_skill_is_graded() -> None:
    """A small oracle: the order of policies whose defects differ in degree is the order of their defects."""
    order = ["expert", "expert-noise-low", "expert-noise-high", "random"]
    truth = find_truth(policies=order, tasks=["pick-place-wall-v3", "dial-turn-v3", "push-v3"], seeds=4, jobs=2)
    progress = {one.policy: one.progress for one in truth.standings}
    for better, worse in combinations(order, 2):
        assert progress[better] > progress[worse]
