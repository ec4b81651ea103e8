from __future__ import annotations

import numpy as np
import pytest

from simlab.policies import POLICIES, Policy
from simlab.scene import Floats
from simlab.tasks import TASKS
from tests.simlab.makers import state

PICK = TASKS["pick-place-v3"].instructions[0]
DRAWER = TASKS["drawer-open-v3"].instructions[0]


def play(policy: Policy, instruction: str = PICK, start: Floats | None = None, steps: int = 30) -> Floats:
    begin = state() if start is None else start
    actor = policy.start(instruction=instruction, state=begin)
    return np.array([actor.act(begin) for _ in range(steps)])


def test_there_are_ten_and_each_says_what_is_wrong_with_it() -> None:
    assert len(POLICIES) == 10
    assert len({policy.description for policy in POLICIES.values()}) == 10
    defects = {(policy.defect, policy.families) for policy in POLICIES.values()}
    assert len(defects) == 10


def test_what_is_not_understood_is_not_done() -> None:
    for name in set(POLICIES) - {"random"}:
        assert (play(POLICIES[name], "fold the towel") == 0).all()


@pytest.mark.sim
@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_an_episode_can_be_repeated(policy: Policy) -> None:
    assert (play(policy) == play(policy)).all()


@pytest.mark.sim
@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_actions_are_velocities_and_a_binary_gripper(policy: Policy) -> None:
    actions = play(policy)
    assert actions.shape == (30, 7)
    assert (np.abs(actions[:, :3]) <= 1).all()
    assert (actions[:, 3:6] == 0).all()
    assert set(np.unique(actions[:, 6])) <= {0.0, 1.0}


@pytest.mark.sim
def test_another_start_is_another_chance() -> None:
    other = state()
    other[4] += 0.001
    policy = POLICIES["random"]
    assert (play(policy) != play(policy, start=other)).any()


@pytest.mark.sim
def test_a_start_that_differs_by_less_than_can_be_seen_is_the_same() -> None:
    other = state() + 1e-9
    assert (play(POLICIES["random"]) == play(POLICIES["random"], start=other)).all()


@pytest.mark.sim
def test_the_words_for_a_task_do_not_change_what_is_done() -> None:
    noisy = POLICIES["expert-noise-low"]
    first, *others = (play(noisy, words) for words in TASKS["pick-place-v3"].instructions)
    assert all((first == other).all() for other in others)


@pytest.mark.sim
def test_a_policy_does_not_touch_the_state_that_it_is_shown() -> None:
    shown = state()
    for policy in POLICIES.values():
        play(policy, start=shown)
    assert (shown == state()).all()


@pytest.mark.sim
def test_a_slow_expert_moves_as_the_expert_at_a_lower_speed() -> None:
    expert, slow = play(POLICIES["expert"]), play(POLICIES["slow"])
    assert np.allclose(slow[:, :3], 0.3 * expert[:, :3])
    assert (slow[:, 6] == expert[:, 6]).all()


@pytest.mark.sim
def test_a_laggy_expert_does_what_the_expert_did_two_actions_ago() -> None:
    seen = [state() for _ in range(8)]
    for number, one in enumerate(seen):
        one[:3] += (0.02 * number, 0.01 * number, 0.0)
    expert, laggy = (POLICIES[name].start(instruction=PICK, state=seen[0]) for name in ("expert", "laggy"))
    done = np.array([expert.act(one) for one in seen])
    late = np.array([laggy.act(one) for one in seen])
    assert (late[2:] == done[:-2]).all()
    assert (late[-1] != done[-1]).any()


@pytest.mark.sim
@pytest.mark.parametrize(
    ("name", "good_at", "bad_at"),
    [("picking-specialist", PICK, DRAWER), ("articulation-specialist", DRAWER, PICK)],
)
def test_a_specialist_is_the_expert_in_its_own_families_only(name: str, good_at: str, bad_at: str) -> None:
    expert, specialist = POLICIES["expert"], POLICIES[name]
    assert (play(specialist, good_at) == play(expert, good_at)).all()
    assert (play(specialist, bad_at) != play(expert, bad_at)).any()


@pytest.mark.sim
def test_a_flaky_gripper_opens_now_and_then() -> None:
    at_object = state()
    at_object[:3] = at_object[4:7]
    closed = play(POLICIES["flaky-gripper"], start=at_object, steps=300)[:, 6]
    assert (play(POLICIES["expert"], start=at_object)[:, 6] == 1).all()
    assert 0.8 < closed.mean() < 0.97
