"""A partner lab: asks for pairs, runs both policies from the same start, uploads, judges, submits, and goes on."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import requests

from simlab import notes, rendering
from simlab.calls import Pair, Patience, Platform, Refused, Side, Unanswered, Wait
from simlab.evidence import Evidence, ending, files, form
from simlab.judging import Outcome, prefer
from simlab.labs import Profile
from simlab.remote import Closed, PolicyError, Unreachable, connected
from simlab.rollout import roll_out
from simlab.scene import Scene
from simlab.tasks import Task
from simlab.video import Recorder

Report = Callable[..., None]
"""Called with the name of an event and its facts."""

RECONNECT_SECONDS = 600.0
"""How long a broken connection to a policy is tried again before the session is given up."""
POLICY_ATTEMPTS = 3
"""Rollouts that a failing policy server may spoil before the session is submitted as not valid."""
ACCESS_REFUSED = (401, 403)


class GiveUp(Exception):
    """This session leads nowhere; the next one may."""


class PolicyDown(Exception):
    """A side's policy server does not answer as it should. The argument is the side's letter."""


@dataclass(frozen=True)
class Plan:
    """What is settled before the pair is known."""

    task: Task
    instruction: str
    seed: int
    mishap: str | None
    walks_away: bool

    @classmethod
    def make(cls, profile: Profile, rng: np.random.Generator) -> Plan:
        task, instruction = profile.choose_task(rng)
        seed = int(rng.integers(2**31))
        spoiled, leaves = rng.random(2) < (profile.invalid, profile.walks_away)
        return cls(task, instruction, seed, str(rng.choice(notes.MISHAPS)) if spoiled else None, bool(leaves))


class Lab:
    """`report` is told every event, `wait` every pause; both decide how that looks."""

    def __init__(self, *, profile: Profile, platform: Platform, report: Report, wait: Wait) -> None:
        self._profile = profile
        self._platform = platform
        self._report = report
        self._wait = wait
        self._station: tuple[Scene, rendering.Camera] | None = None
        self._open: str | None = None

    def enter(self) -> None:
        """What the client asks first: is its version served, is its evaluator known?"""
        self._platform.check_version()
        self._platform.validate_access()
        self._report("ready", lab=self._profile.name, renderer=rendering.renderer())

    def work(self, *, sessions: int | None, seed: int | None, pause: float = 0.0) -> None:
        """Run sessions without end, or until so many have been submitted or walked away from."""
        own = None if seed is None else [seed, zlib.crc32(self._profile.name.encode())]
        seeds = np.random.SeedSequence(own)
        finished = 0
        while sessions is None or finished < sessions:
            # A generator for each session: what happens in one does not change the next.
            rng = np.random.default_rng(seeds.spawn(1)[0])
            finished += self._try_session(Plan.make(self._profile, rng), rng)
            if pause and finished != sessions:
                self._wait("preparing the next scene", pause)

    def close(self) -> None:
        """Leave in order: an open session is ended as not valid, in one short attempt."""
        if self._open:
            self._platform.take_leave(
                session_id=self._open,
                notes=ending(valid=False, preference="TIE", feedback="The lab was closed during the session."),
            )
            self._give_up("the lab is closing")
        self._clear_away()

    def _try_session(self, plan: Plan, rng: np.random.Generator) -> bool:
        """Whether the session came to the end that it was to have."""
        pair = self._wait_for_pair(plan.instruction)
        self._open = pair.session_id
        self._report("session_opened", session=pair.session_id, task=plan.task.name, instruction=plan.instruction)
        try:
            self._run_session(pair, plan, rng)
        except (Refused, Unanswered, GiveUp) as error:
            self._give_up(str(error))
            return False
        self._open = None
        return True

    def _give_up(self, reason: str) -> None:
        self._report("gave_up", session=self._open, reason=reason)
        self._open = None

    def _wait_for_pair(self, instruction: str) -> Pair:
        patience = Patience(self._wait, first=1.0)
        while True:
            try:
                return self._platform.ask_for_pair(instruction=instruction)
            except Refused as refusal:
                if refusal.status in ACCESS_REFUSED:
                    raise
                patience.pause(f"no pair: {refusal}")
            except requests.RequestException as error:
                patience.pause(f"no pair: {type(error).__name__}")

    def _run_session(self, pair: Pair, plan: Plan, rng: np.random.Generator) -> None:
        outcomes = []
        for side in pair.sides:
            try:
                evidence = self._run_side(pair.session_id, side, plan)
            except PolicyDown as failure:
                self._submit_unfinished(pair, side=str(failure))
                return
            self._upload(pair, side, plan, evidence)
            outcomes.append(evidence.rollout.outcome)
            if plan.walks_away:
                self._give_up("walked away")
                return
        self._submit(pair, plan, *outcomes, rng=rng)

    def _run_side(self, session_id: str, side: Side, plan: Plan) -> Evidence:
        """A whole rollout, begun again from the same start as often as connections break."""
        patience, deadline, failures = Patience(self._wait), time.monotonic() + RECONNECT_SECONDS, 0
        while True:
            try:
                return self._roll_out(session_id, side, plan)
            except Closed as error:
                raise GiveUp(f"{side.label}: {error}") from error
            except Unreachable as error:
                reason = f"{side.label}: no connection to the policy ({error})"
                if time.monotonic() > deadline:
                    raise GiveUp(reason) from error
            except PolicyError as error:
                reason = f"{side.label}: {error}"
                failures += 1
                if failures == POLICY_ATTEMPTS:
                    raise PolicyDown(side.label) from error
            patience.pause(reason)

    def _roll_out(self, session_id: str, side: Side, plan: Plan) -> Evidence:
        scene, camera = self._set_up(plan.task)
        recorder = Recorder(camera)
        episode = f"{session_id}-{side.label}"
        with connected(address=side.address, episode=episode, instruction=plan.instruction) as policy:
            rollout = roll_out(
                scene=scene,
                seed=plan.seed,
                choose=lambda scene: policy.infer(scene, recorder.last),
                show=recorder.show,
            )
            policy.reset()
        outcome = rollout.outcome
        self._report(
            "rollout",
            session=session_id,
            side=side.label,
            progress=outcome.progress,
            success=outcome.success,
            steps=outcome.steps,
            seconds=round(outcome.seconds, 1),
        )
        return Evidence(rollout, recorder.films(), policy.mean_latency)

    def _upload(self, pair: Pair, side: Side, plan: Plan, evidence: Evidence) -> None:
        now = datetime.now().astimezone()
        fields = form(evidence, session_id=pair.session_id, side=side, instruction=plan.instruction, now=now)
        self._platform.upload(form=fields, files=files(evidence))
        self._report("uploaded", session=pair.session_id, side=side.label)

    def _submit(self, pair: Pair, plan: Plan, a: Outcome, b: Outcome, *, rng: np.random.Generator) -> None:
        profile = self._profile
        preference = prefer(a, b, habits=profile.habits, rng=rng)
        feedback = plan.mishap or notes.write(
            a, b, task=plan.task, instruction=plan.instruction, preference=preference, style=profile.style, rng=rng
        )
        self._terminate(pair, valid=plan.mishap is None, preference=preference, feedback=feedback)

    def _submit_unfinished(self, pair: Pair, *, side: str) -> None:
        feedback = f"The policy server of {side} did not answer, so there is nothing to compare."
        self._terminate(pair, valid=False, preference="TIE", feedback=feedback)

    def _terminate(self, pair: Pair, *, valid: bool, preference: str, feedback: str) -> None:
        self._platform.terminate(
            session_id=pair.session_id, notes=ending(valid=valid, preference=preference, feedback=feedback)
        )
        self._report("submitted", session=pair.session_id, valid=valid, preference=preference, notes=feedback)

    def _set_up(self, task: Task) -> tuple[Scene, rendering.Camera]:
        """The scene of a task with its camera. Only one is kept: model and renderer take over 100 MB."""
        if self._station is None or self._station[0].task != task:
            self._clear_away()
            scene = Scene(task)
            self._station = scene, rendering.camera_for(scene)
        return self._station

    def _clear_away(self) -> None:
        if self._station:
            self._station[1].close()
        self._station = None
