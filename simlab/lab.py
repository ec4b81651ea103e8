"""A partner lab: asks for pairs, runs both policies from the same start, uploads, judges, submits, and goes on."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import requests

from arena_client.policy import Closed, PolicyConnection, PolicyError, Unreachable
from arena_client.rollout import run_rollout
from simlab import notes, rendering
from simlab.calls import Desk, Pair, Patience, Refused, Side, Unanswered, Wait
from simlab.evidence import Evidence
from simlab.judging import Outcome, prefer
from simlab.labs import Profile
from simlab.scene import MAX_ACTIONS
from simlab.station import SimulatedStation
from simlab.tasks import Task

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

    def __init__(self, *, profile: Profile, platform: Desk, report: Report, wait: Wait) -> None:
        self._profile = profile
        self._platform = platform
        self._report = report
        self._wait = wait
        self._station = SimulatedStation()
        self._open: str | None = None

    def enter(self) -> None:
        self._platform.enter()
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
            self._platform.take_leave(self._open)
            self._give_up("the lab is closing")
        self._station.close()

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
            except (requests.RequestException, Unanswered) as error:
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
                self._platform.walk_away(pair)
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
        station = self._station
        station.prepare(plan.task, plan.seed)
        episode = f"{session_id}-{side.label}"
        with PolicyConnection(side.address, prompt=plan.instruction, episode=episode) as policy:
            run_rollout(station, policy, instruction=plan.instruction, max_steps=MAX_ACTIONS)
        rollout = station.rollout()
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
        return Evidence(rollout, station.films(), policy.mean_latency)

    def _upload(self, pair: Pair, side: Side, plan: Plan, evidence: Evidence) -> None:
        self._platform.deliver(pair, side, plan.instruction, evidence)
        self._report("uploaded", session=pair.session_id, side=side.label)

    def _submit(self, pair: Pair, plan: Plan, a: Outcome, b: Outcome, *, rng: np.random.Generator) -> None:
        profile = self._profile
        preference = prefer(a, b, habits=profile.habits, rng=rng)
        feedback = plan.mishap or notes.write(
            a, b, task=plan.task, instruction=plan.instruction, preference=preference, style=profile.style, rng=rng
        )
        self._end(pair, mishap="disturbed" if plan.mishap else "", preference=preference, feedback=feedback)

    def _submit_unfinished(self, pair: Pair, *, side: str) -> None:
        feedback = f"The policy server of {side} did not answer, so there is nothing to compare."
        self._end(pair, mishap="policy_unreachable", preference="TIE", feedback=feedback)

    def _end(self, pair: Pair, *, mishap: str, preference: str, feedback: str) -> None:
        self._platform.judge(pair, preference=preference, feedback=feedback, mishap=mishap)
        self._report("submitted", session=pair.session_id, valid=not mishap, preference=preference, notes=feedback)
