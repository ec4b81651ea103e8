"""Does a policy server do what the protocol asks? Every step is tried, and what is wrong is said in words.

A step passes, fails, or could not be tried because an earlier one failed or nobody was reached.
"""

import asyncio
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from evaluations.relay.addresses import Resolver, resolve
from evaluations.relay.limits import Limits
from evaluations.relay.messages import IMAGES, STATES
from evaluations.relay.policy import PolicyConnection, PolicyFailure
from evaluations.relay.probe import UNSURE
from evaluations.relay.problems import Problem
from evaluations.relay.wire import Array, decode

INFERENCES = 8
"""Asked of the server beyond the first, which may compile."""
SLOW_MS = 1000.0
"""A robot that waits longer for its next actions stands still, or drifts."""
STATE_SIZES = {
    "observation/joint_position": 7,
    "observation/cartesian_position": 6,
    "observation/gripper_position": 1,
}
ACTION_WIDTHS = {"joint_position": 8, "joint_velocity": 8, "cartesian_position": 7, "cartesian_velocity": 7}
USUAL_PICTURE = (288, 512)


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    COULD_NOT_CHECK = "could_not_check"


class Step(StrEnum):
    HANDSHAKE = "handshake"
    METADATA = "metadata"
    ACTIONS = "actions"
    ACTION_SPACE = "action space"
    STEADY = "steady answers"
    LATENCY = "latency"
    RESET = "reset"
    TWO_AT_ONCE = "two connections"
    ERRORS = "errors"


@dataclass(frozen=True)
class Finding:
    step: Step
    outcome: Outcome
    sentence: str


@dataclass
class Examination:
    findings: list[Finding] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    first_ms: float | None = None
    median_ms: float | None = None
    p95_ms: float | None = None

    @property
    def reached(self) -> bool:
        return any(finding.step == Step.HANDSHAKE and finding.outcome == Outcome.PASSED for finding in self.findings)

    @property
    def passed(self) -> bool:
        return all(finding.outcome == Outcome.PASSED for finding in self.findings)

    def note(self, step: Step, outcome: Outcome, sentence: str) -> None:
        self.findings.append(Finding(step, outcome, sentence))

    def fill(self) -> None:
        """Every step has a finding; those that were not tried could not be checked."""
        known = {finding.step for finding in self.findings}
        for step in Step:
            if step not in known:
                self.note(step, Outcome.COULD_NOT_CHECK, "Not tried, because an earlier step did not pass.")
        order = list(Step)
        self.findings.sort(key=lambda finding: order.index(finding.step))


async def examine(
    endpoint_url: str, *, allow_private: bool, limits: Limits | None = None, resolver: Resolver = resolve
) -> Examination:
    """Speaks to the server as a rollout does, with made-up pictures. Takes as long as a dozen inferences."""
    found = Examination()
    limits = limits or Limits()

    async def connect() -> PolicyConnection:
        return await PolicyConnection.open(endpoint_url, allow_private=allow_private, limits=limits, resolver=resolver)

    try:
        first = await connect()
    except PolicyFailure as failure:
        _note_no_connection(found, failure)
        found.fill()
        return found
    try:
        _note_metadata(found, first)
        if await _ask_for_actions(found, first):
            await _reset(found, first)
            await _two_at_once(found, first, connect)
    finally:
        await first.close()
    await _errors(found, connect)
    found.fill()
    return found


def _note_no_connection(found: Examination, failure: PolicyFailure) -> None:
    outcome = Outcome.COULD_NOT_CHECK if failure.problem in UNSURE else Outcome.FAILED
    if failure.problem in (Problem.NO_METADATA, Problem.BAD_METADATA):
        found.note(Step.HANDSHAKE, Outcome.PASSED, "The server takes a websocket connection.")
        detail = f" {_clipped(failure.detail)}" if failure.detail else ""
        found.note(Step.METADATA, outcome, f"{failure.problem.sentence}{detail}")
        return
    found.note(Step.HANDSHAKE, outcome, failure.problem.sentence)


def _note_metadata(found: Examination, policy: PolicyConnection) -> None:
    fields = dict(policy.metadata.fields)
    found.metadata = fields
    found.note(Step.HANDSHAKE, Outcome.PASSED, "The server takes a websocket connection.")
    outside = fields.get("n_external_cameras", 1)
    wrist = "a wrist camera" if fields.get("needs_wrist_camera", True) else "no wrist camera"
    height, width = _picture_size(fields)
    found.note(
        Step.METADATA,
        Outcome.PASSED,
        f"It asks for {outside} outside and {wrist}, pictures of {width} × {height}, and moves by {_space(fields)}.",
    )


async def _ask_for_actions(found: Examination, policy: PolicyConnection) -> bool:
    rng = np.random.default_rng(0)
    shapes, times = [], []
    for number in range(INFERENCES + 1):
        began = time.perf_counter()
        try:
            answer = await policy.infer([_observation(found.metadata or {}, rng)])
        except PolicyFailure as failure:
            step = Step.STEADY if number else Step.ACTIONS
            after = f"After {number} inferences: " if number else ""
            detail = f" {_clipped(failure.detail)}" if failure.detail else ""
            found.note(step, Outcome.FAILED, f"{after}{failure.problem.sentence}{detail}")
            return False
        times.append((time.perf_counter() - began) * 1000)
        actions, dtype = _actions(answer)
        if not number:
            _note_actions(found, actions, dtype)
        shapes.append(actions.shape)
    _note_steady(found, shapes)
    _note_latency(found, times)
    return True


def _note_actions(found: Examination, actions: NDArray[Any], dtype: str) -> None:
    rows, width = actions.shape
    found.note(Step.ACTIONS, Outcome.PASSED, f"It answers with {rows} actions of {width} numbers, {dtype}, all finite.")
    space = _space(found.metadata or {})
    wanted = ACTION_WIDTHS[space]
    if width != wanted:
        found.note(
            Step.ACTION_SPACE,
            Outcome.FAILED,
            f"{space} has {wanted} numbers an action, and the server sends {width}.",
        )
    elif space == "joint_velocity" and np.abs(actions[:, :-1]).max() > 1:
        found.note(
            Step.ACTION_SPACE,
            Outcome.FAILED,
            "A joint velocity lies outside -1 to 1; clients cut it off there, so that the robot moves otherwise.",
        )
    else:
        found.note(Step.ACTION_SPACE, Outcome.PASSED, f"Actions have the {wanted} numbers of {space}.")


def _note_steady(found: Examination, shapes: list[tuple[int, ...]]) -> None:
    widths = {shape[1] for shape in shapes}
    if len(widths) > 1:
        listed = ", ".join(map(str, sorted(widths)))
        found.note(Step.STEADY, Outcome.FAILED, f"Actions are not always as long: {listed} numbers.")
    else:
        found.note(Step.STEADY, Outcome.PASSED, f"{len(shapes)} inferences in a row are answered alike.")


def _note_latency(found: Examination, times: list[float]) -> None:
    found.first_ms, rest = times[0], sorted(times[1:])
    found.median_ms = float(np.median(rest))
    found.p95_ms = rest[min(len(rest) - 1, round(0.95 * (len(rest) - 1)))]
    figures = f"The first takes {found.first_ms:.0f} ms, the others {found.median_ms:.0f} ms in the middle"
    if found.median_ms > SLOW_MS:
        found.note(Step.LATENCY, Outcome.FAILED, f"{figures}: a robot waits at most {SLOW_MS:.0f} ms without harm.")
    else:
        found.note(Step.LATENCY, Outcome.PASSED, f"{figures}.")


async def _reset(found: Examination, policy: PolicyConnection) -> None:
    try:
        await policy.reset([_packed({"session_id": "check", "endpoint": "reset"})])
        await policy.infer([_observation(found.metadata or {}, np.random.default_rng(1))])
    except PolicyFailure as failure:
        found.note(Step.RESET, Outcome.FAILED, f"After a reset: {failure.problem.sentence}")
        return
    found.note(Step.RESET, Outcome.PASSED, "It answers a reset, and goes on afterwards.")


async def _two_at_once(found: Examination, first: PolicyConnection, connect: Any) -> None:
    """A client stays connected to side A while it runs side B, and another lab may run the same policy."""
    try:
        second = await connect()
    except PolicyFailure as failure:
        found.note(
            Step.TWO_AT_ONCE, Outcome.FAILED, f"A second connection beside the first: {failure.problem.sentence}"
        )
        return
    try:
        observation = _observation(found.metadata or {}, np.random.default_rng(2))
        await asyncio.gather(first.infer([observation]), second.infer([observation]))
    except PolicyFailure as failure:
        found.note(Step.TWO_AT_ONCE, Outcome.FAILED, f"Two connections at once: {failure.problem.sentence}")
    else:
        found.note(Step.TWO_AT_ONCE, Outcome.PASSED, "It serves two connections, one after the other or at once.")
    finally:
        await second.close()


async def _errors(found: Examination, connect: Any) -> None:
    """A request that makes no sense may end its connection, but not the server."""
    try:
        spoilt = await connect()
        try:
            await spoilt.infer([_packed({"endpoint": "infer", "prompt": "a request without any observation"})])
        except PolicyFailure:
            pass
        finally:
            await spoilt.close()
        after = await connect()
        try:
            await after.infer([_observation(found.metadata or {}, np.random.default_rng(3))])
        finally:
            await after.close()
    except PolicyFailure as failure:
        if any(finding.outcome == Outcome.FAILED for finding in found.findings):
            return
        found.note(Step.ERRORS, Outcome.FAILED, f"After a request that makes no sense: {failure.problem.sentence}")
        return
    found.note(Step.ERRORS, Outcome.PASSED, "A request that makes no sense does not stop it.")


def _observation(metadata: dict[str, Any], rng: np.random.Generator) -> bytes:
    height, width = _picture_size(metadata)
    values: dict[str, Any] = {name: rng.normal(0, 0.1, STATE_SIZES[name]) for name in STATES}
    for name in _pictures(metadata):
        values[name] = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    values |= {"prompt": "put the cup on the plate", "endpoint": "infer"}
    if metadata.get("needs_session_id"):
        values["session_id"] = "check"
    return _packed(values)


def _pictures(metadata: dict[str, Any]) -> list[str]:
    eyes = ("left", "right") if metadata.get("needs_stereo_camera") else ("left",)
    cameras = [f"exterior_image_{number + 1}" for number in range(metadata.get("n_external_cameras", 1))]
    cameras += ["wrist_image"] if metadata.get("needs_wrist_camera", True) else []
    wanted = {f"observation/{camera}_{eye}" for camera in cameras for eye in eyes}
    return [name for name in IMAGES if name in wanted]


def _picture_size(metadata: dict[str, Any]) -> tuple[int, int]:
    height, width = metadata.get("image_resolution") or USUAL_PICTURE
    return int(height), int(width)


def _space(metadata: dict[str, Any]) -> str:
    return str(metadata.get("action_space", "joint_position"))


def _packed(values: dict[str, Any]) -> bytes:
    """As msgpack-numpy packs a message."""
    ready = {name: _as_map(value) if isinstance(value, np.ndarray) else value for name, value in values.items()}
    message: bytes = msgpack.packb(ready)
    return message


def _as_map(array: NDArray[Any]) -> dict[bytes, Any]:
    return {
        b"__ndarray__": True,
        b"data": array.tobytes(),
        b"dtype": array.dtype.str,
        b"shape": list(array.shape),
    }


def _actions(answer: bytes) -> tuple[NDArray[Any], str]:
    """(rows, width): a single action is a chunk of one."""
    actions = decode(answer, known=("actions",))["actions"]
    assert isinstance(actions, Array)
    numbers = actions.numbers(answer)
    return numbers.reshape(-1, actions.shape[-1]), str(numbers.dtype)


def _clipped(text: str) -> str:
    """The last line of what a server says of itself: of a traceback, the error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"It says: {lines[-1][:200]}" if lines else ""
