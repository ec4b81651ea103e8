"""What may pass the relay: messages are read, checked and written anew, so that nothing else comes through.

Towards the policy server nothing may tell who the evaluator is, towards the client nothing which policy answers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType

import numpy as np

from evaluations.relay.frames import Parts
from evaluations.relay.routes import Route
from evaluations.relay.wire import DTYPES, Array, Form, Value, WireError, decode, encode

RESET_ANSWER = "reset successful"

IMAGES = tuple(
    f"observation/{camera}_{eye}"
    for camera in ("exterior_image_1", "exterior_image_2", "wrist_image")
    for eye in ("left", "right")
)
STATES = ("observation/joint_position", "observation/cartesian_position", "observation/gripper_position")
SIMULATOR_STATE = "observation/sim_state"
OBSERVATIONS = (*STATES, *IMAGES, SIMULATOR_STATE)
REQUEST_KEYS = frozenset([*OBSERVATIONS, "endpoint", "session_id"])

ACTION_SPACES = frozenset(["joint_position", "joint_velocity", "cartesian_position", "cartesian_velocity"])
ACTION_WIDTHS = (7, 8)
MAX_ACTIONS = 1000
MAX_RESOLUTION = 4096


@dataclass(frozen=True)
class Metadata:
    """What a policy server says of itself: those of the six known fields that it sent."""

    fields: Mapping[str, Value]

    @property
    def needs_session_id(self) -> bool:
        return bool(self.fields.get("needs_session_id", False))

    def fits(self, route: Route) -> bool:
        """Has the station the cameras? What is not said means what the client takes it for: one and a wrist camera."""
        external, wrist = self.fields.get("n_external_cameras", 1), self.fields.get("needs_wrist_camera", True)
        return isinstance(external, int) and external <= route.external_cameras and (route.wrist_camera or not wrist)

    def frame(self) -> bytes:
        return encode(self.fields)


NO_CAMERAS = Metadata(
    MappingProxyType(
        {
            "image_resolution": None,
            "needs_wrist_camera": False,
            "n_external_cameras": 0,
            "needs_stereo_camera": False,
            "needs_session_id": False,
        }
    )
)
"""What a client is told where no policy answers. Any station can serve it, so that the client goes on to its first
request and is told there what happened: a handshake that fails it takes for a missing TLS port, and reports that."""


def read_metadata(frame: bytes) -> Metadata:
    fields = decode(frame, known=_METADATA_CHECKS)
    for name, value in fields.items():
        if not _METADATA_CHECKS[name](value):
            raise WireError(f"{name} is out of range")
    # In one order, whatever the server's was.
    return Metadata({name: fields[name] for name in _METADATA_CHECKS if name in fields})


def _is_resolution(value: Value) -> bool:
    if value is None:
        return True
    return isinstance(value, list) and len(value) == 2 and all(1 <= length <= MAX_RESOLUTION for length in value)


def _is_bool(value: Value) -> bool:
    return isinstance(value, bool)


_METADATA_CHECKS: dict[str, Callable[[Value], bool]] = {
    "image_resolution": _is_resolution,
    "needs_wrist_camera": _is_bool,
    "n_external_cameras": lambda value: type(value) is int and 0 <= value <= 2,
    "needs_stereo_camera": _is_bool,
    "needs_session_id": _is_bool,
    "action_space": lambda value: isinstance(value, str) and value in ACTION_SPACES,
}


class Call(Enum):
    INFER = auto()
    RESET = auto()


class Requests:
    """The requests of one client, rewritten for its policy server."""

    def __init__(self, *, route: Route, metadata: Metadata) -> None:
        self._route = route
        self._metadata = metadata
        self._last: Form | None = None

    def read(self, frame: bytes) -> tuple[Call, Parts]:
        """What the client asks for, and the frame, in parts, that goes to the policy server instead of the client's."""
        if self._last is not None and self._last.fits(frame):
            return Call.INFER, self._last.parts(frame)
        values = decode(frame, known=REQUEST_KEYS)
        endpoint = values.get("endpoint")
        if endpoint == "reset":
            return Call.RESET, [encode({"session_id": self._route.wire_session_id, "endpoint": "reset"})]
        if endpoint != "infer":
            raise WireError("the endpoint is neither infer nor reset")
        self._last = Form(frame, taken=values, given=self._passed(values))
        return Call.INFER, self._last.parts(frame)

    def _passed(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        passed = {key: values[key] for key in OBSERVATIONS if key in values}
        if not all(value is None or isinstance(value, Array) for value in passed.values()):
            raise WireError("an observation is not an array")
        if not self._route.simulated:
            passed.pop(SIMULATOR_STATE, None)
        passed["prompt"] = self._route.instruction
        if self._metadata.needs_session_id or "session_id" in values:
            passed["session_id"] = self._route.wire_session_id
        passed["endpoint"] = "infer"
        return passed


class Answers:
    """The answers of one policy server to inferences, rewritten for its client: the actions and nothing else."""

    def __init__(self) -> None:
        self._last: tuple[Form, Array] | None = None

    def read(self, frame: bytes) -> bytes:
        """The frame that goes to the client instead of the policy server's."""
        if self._last is None or not self._last[0].fits(frame):
            actions = _actions(frame)
            self._last = Form(frame, taken={"actions": actions}, given={"actions": actions}), actions
        form, actions = self._last
        if not np.isfinite(actions.numbers(frame)).all():
            raise WireError("an action is not finite")
        return b"".join(form.parts(frame))


def _actions(frame: bytes) -> Array:
    actions = decode(frame, known=("actions",)).get("actions")
    if not isinstance(actions, Array):
        raise WireError("the answer holds no array of actions")
    if DTYPES[actions.dtype].kind not in "iuf":
        raise WireError("the actions are not numbers")
    if not _is_chunk(actions.shape):
        raise WireError("the actions have a wrong shape")
    return actions


def _is_chunk(shape: tuple[int, ...]) -> bool:
    """The client takes a single row for a chunk of one, and dies on an empty chunk."""
    if len(shape) == 1:
        return shape[0] in ACTION_WIDTHS
    return len(shape) == 2 and 1 <= shape[0] <= MAX_ACTIONS and shape[1] in ACTION_WIDTHS
