"""What a station's own code offers, so that rollouts can be run on it. Any object with these methods will do."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from arena_client.images import Frame
from arena_client.policy import PolicyError, PolicyMetadata

Observation = dict[str, Any]
Action = NDArray[np.float64]
DEFAULT_ACTION_SPACES = ("joint_position",)


@dataclass(frozen=True)
class StepResult:
    """What a step came to. `success` only where the station can tell by itself."""

    done: bool = False
    success: bool | None = None


@runtime_checkable
class Station(Protocol):
    """A robot with its cameras. Further methods are used where they exist: see the three protocols below.

    Two attributes are looked at where they exist. `action_spaces` names the ways in which the station lets itself be
    moved, by default `joint_position` alone: a policy that moves robots otherwise is refused before anything moves.
    `rate`, in steps a second, makes the rollout keep that pace; without it `step` itself takes its time.
    """

    def reset(self, instruction: str) -> None:
        """Bring the robot to its start for this task. The scene is put in place by people, before."""

    def observe(self) -> Observation:
        """What the policy sees now, by the protocol's names; pictures in any size."""

    def step(self, action: Action) -> bool | StepResult | None:
        """Carry out one action, clipped to what is safe. True, or a StepResult that is done, ends the rollout."""

    def frames(self) -> Mapping[str, Frame]:
        """One picture a camera for the video, by the names that the station is registered with."""


@runtime_checkable
class GreetedStation(Protocol):
    """A station that wants to know what the next actions mean: needed where it has more than one action space."""

    def greet(self, policy: PolicyMetadata) -> None:
        """Called before each reset. An error that it raises ends the rollout before anything moves."""


@runtime_checkable
class FilmingStation(Protocol):
    """A station that makes its own files of a rollout."""

    def videos(self, folder: Path) -> Mapping[str, Path]:
        """The last rollout's videos, by camera, and its `trajectory` if there is one; new files belong in `folder`."""


@runtime_checkable
class StoppableStation(Protocol):
    """A station that wants to be told that a rollout is over."""

    def stop(self) -> None:
        """No action follows. Called however the rollout ended, also by an error or Ctrl-C."""


def introduce(station: Station, policy: PolicyMetadata) -> None:
    """Raises PolicyError where the policy would move the robot in a way that the station does not take."""
    spaces = getattr(station, "action_spaces", DEFAULT_ACTION_SPACES)
    if policy.action_space not in spaces:
        raise PolicyError(f"the policy moves robots by {policy.action_space}, the station takes {', '.join(spaces)}")
    if isinstance(station, GreetedStation):
        station.greet(policy)


def load_station(name: str) -> Station:
    """The station of `module:Class`, or of `module:function` that makes it; called without arguments."""
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ValueError("a station is named as MODULE:CLASS, such as my_lab:Station")
    try:
        made = getattr(importlib.import_module(module), attribute)()
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0] and error.name != module:
            raise
        raise ValueError(f"there is no module {module} here or among the installed ones") from error
    except AttributeError as error:
        if hasattr(importlib.import_module(module), attribute):
            raise
        raise ValueError(f"the module {module} has no {attribute}") from error
    if not isinstance(made, Station):
        lacking = [one for one in ("reset", "observe", "step", "frames") if not callable(getattr(made, one, None))]
        raise ValueError(f"{name} lacks {', '.join(lacking)}")
    return made
