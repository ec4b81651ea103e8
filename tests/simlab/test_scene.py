from __future__ import annotations

import numpy as np
import pytest

from simlab.judging import CEILING
from simlab.policies import POLICIES
from simlab.rollout import Rollout, roll_out, run_policy
from simlab.scene import MAX_ACTIONS, STATE_SIZE, Floats, Scene
from simlab.tasks import TASKS, Task

pytestmark = pytest.mark.sim

STILL = np.zeros((1, 7))


def run(scene: Scene, name: str, seed: int = 3) -> Rollout:
    return run_policy(policy=POLICIES[name], scene=scene, seed=seed)


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_the_same_seed_gives_the_same_start(task: Task) -> None:
    scene = Scene(task)
    starts: dict[int, list[Floats]] = {}
    for seed in (1, 2, 1):
        scene.reset(seed)
        starts.setdefault(seed, []).append(scene.state)
    assert (starts[1][0] == starts[1][1]).all()
    assert (starts[1][0] != starts[2][0]).any()


@pytest.mark.parametrize("task", ["peg-insert-side-v3", "door-open-v3", "stick-push-v3"])
def test_a_rollout_is_the_same_in_a_fresh_scene_and_in_a_used_one(task: str) -> None:
    used = Scene(TASKS[task])
    run(used, "random", seed=8)
    rollouts = [run(used, "expert-noise-low"), run(Scene(TASKS[task]), "expert-noise-low")]
    assert rollouts[0].outcome == rollouts[1].outcome
    for first, second in zip(rollouts[0].trajectory, rollouts[1].trajectory, strict=True):
        assert (first.action == second.action).all()
        assert (first.cartesian_position == second.cartesian_position).all()


def test_the_start_shows_things_where_they_are() -> None:
    """Meta-World's own first observation has the fixtures of some tasks in their old places."""
    for name in ("window-open-v3", "drawer-open-v3", "dial-turn-v3"):
        scene = Scene(TASKS[name])
        scene.reset(5)
        before = scene.state[4:7]
        scene.act(STILL[0])
        assert np.linalg.norm(scene.state[4:7] - before) < 0.01


def test_the_gripper_opens_or_closes_and_nothing_between() -> None:
    scene = Scene(TASKS["pick-place-v3"])
    openings = []
    for command in (0.0, 0.5, 0.51, 1.0):
        scene.reset(1)
        for _ in range(8):
            scene.act(np.array([0, 0, 0, 0, 0, 0, command]))
        openings.append(scene.gripper_position[0])
    assert openings[0] == openings[1] < openings[2] == openings[3]


def test_velocities_beyond_full_speed_are_full_speed() -> None:
    scene = Scene(TASKS["pick-place-v3"])
    places = []
    for speed in (1.0, 50.0):
        scene.reset(1)
        scene.act(np.array([speed, 0, 0, 0, 0, 0, 0]))
        places.append(scene.state[:3])
    assert (places[0] == places[1]).all()


def test_observations_have_the_sizes_of_the_protocol() -> None:
    scene = Scene(TASKS["push-v3"])
    scene.reset(1)
    assert scene.state.shape == (STATE_SIZE,)
    assert scene.cartesian_position.shape == (6,)
    assert scene.joint_position.shape == (7,)
    assert scene.gripper_position.shape == (1,)


def test_time_runs_out_and_nothing_done_is_no_progress() -> None:
    scene = Scene(TASKS["push-v3"])
    rollout = roll_out(scene=scene, seed=1, choose=lambda scene: STILL)
    assert rollout.outcome.steps == len(rollout.trajectory) == MAX_ACTIONS
    assert rollout.outcome.progress < 0.05
    assert not rollout.outcome.success


def test_a_long_chunk_ends_with_the_time() -> None:
    scene = Scene(TASKS["push-v3"])
    rollout = roll_out(scene=scene, seed=1, choose=lambda scene: np.zeros((33, 7)))
    assert rollout.outcome.steps == MAX_ACTIONS


def test_the_scene_is_shown_at_the_start_and_after_each_action() -> None:
    shown: list[Floats] = []
    rollout = roll_out(
        scene=Scene(TASKS["push-v3"]),
        seed=1,
        choose=lambda scene: STILL,
        show=lambda scene: shown.append(scene.state),
    )
    assert len(shown) == rollout.outcome.steps + 1


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_the_expert_gets_further_than_chance(task: Task) -> None:
    scene = Scene(task)
    expert, chance = (
        np.mean([run(scene, name, seed).outcome.progress for seed in range(2)]) for name in ("expert", "random")
    )
    assert expert > chance


def test_success_ends_a_rollout_and_is_worth_everything() -> None:
    outcome = run(Scene(TASKS["drawer-open-v3"]), "expert").outcome
    assert outcome.success
    assert outcome.progress == 1.0
    assert outcome.steps < 40


def test_no_failure_is_worth_more_than_the_ceiling() -> None:
    scene = Scene(TASKS["push-v3"])
    outcomes = [run(scene, "expert-noise-high", seed).outcome for seed in range(4)]
    assert any(not outcome.success for outcome in outcomes)
    assert all(outcome.progress <= CEILING for outcome in outcomes if not outcome.success)
