"""One rollout: from a seeded start until the task is done or the time is up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simlab.judging import Judge, Outcome
from simlab.scene import MAX_ACTIONS, Floats, Scene

if TYPE_CHECKING:
    from simlab.policies import Policy

Chooser = Callable[[Scene], Floats]
"""Looks at the scene and gives one or more actions, one a row; all of them are carried out before it is asked again."""


@dataclass(frozen=True)
class Step:
    """A line of the recorded trajectory: the state before the action, and the action."""

    cartesian_position: Floats
    joint_position: Floats
    gripper_position: Floats
    action: Floats


@dataclass(frozen=True)
class Rollout:
    outcome: Outcome
    trajectory: list[Step]


def unseen(scene: Scene) -> None:
    """Nobody watches this rollout."""


def roll_out(*, scene: Scene, seed: int, choose: Chooser, show: Callable[[Scene], None] = unseen) -> Rollout:
    """Run one rollout. `show` sees the scene at the start and after each action."""
    start = scene.reset(seed)
    judge = Judge(scene.task, start)
    trajectory: list[Step] = []
    done = start.done
    show(scene)
    while not done and len(trajectory) < MAX_ACTIONS:
        for action in choose(scene)[: MAX_ACTIONS - len(trajectory)]:
            trajectory.append(
                Step(scene.cartesian_position, scene.joint_position, scene.gripper_position, action.copy())
            )
            reading = scene.act(action)
            judge.watch(reading)
            show(scene)
            done = reading.done
            if done:
                break
    return Rollout(judge.outcome(), trajectory)


def run_policy(*, policy: Policy, scene: Scene, seed: int, show: Callable[[Scene], None] = unseen) -> Rollout:
    """A rollout with the policy in this very process: what its server would do, without the wire."""
    actor = None

    def choose(scene: Scene) -> Floats:
        nonlocal actor
        if actor is None:
            actor = policy.start(instruction=scene.task.instructions[0], state=scene.state)
        return actor.act(scene.state)[None, :]

    return roll_out(scene=scene, seed=seed, choose=choose, show=show)
