"""The platform as RoboArena's evaluation client calls it, in its words, and patience with one that restarts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import requests

from simlab.evidence import Evidence, ending, files, form

CLIENT_VERSION = "1.5"
ANSWER_SECONDS = 120.0
"""How long the client waits for an answer, and here also for the ones it would wait for without end."""
INSIST_SECONDS = 900.0
"""How long a call is repeated while the platform does not answer, as during a restart."""


class Refused(Exception):
    """The platform understood and said no: repeating the call would not help."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Unanswered(Exception):
    """The platform could not be reached for longer than patience lasts."""


Wait = Callable[[str, float], None]
"""Called with the reason and the number of seconds; returns after that time."""


@dataclass
class Patience:
    """Waits between attempts, twice as long each time up to a limit."""

    wait: Wait
    first: float = 0.5
    longest: float = 15.0
    _next: float = field(init=False)

    def __post_init__(self) -> None:
        self._next = self.first

    def pause(self, reason: str) -> None:
        self.wait(reason, self._next)
        self._next = min(2 * self._next, self.longest)


@dataclass(frozen=True)
class Side:
    """One of the two policies, as far as the lab is told."""

    label: str
    address: str
    ip: str = ""
    port: str = ""
    """Host and port apart, as RoboArena's client is told them and tells them again."""


@dataclass(frozen=True)
class Pair:
    session_id: str
    sides: list[Side]


@dataclass(frozen=True)
class Evaluator:
    """Who the lab is to the platform. The code is a secret and never part of a representation."""

    email: str
    institution: str
    code: str = field(repr=False)
    embodiment: str = "METAWORLD"


class Desk(Protocol):
    """A lab's dealings with the platform, by whichever protocol. Raises Refused and Unanswered."""

    def enter(self) -> None:
        """Is the lab known?"""

    def ask_for_pair(self, *, instruction: str) -> Pair:
        """Ask once. No pair yet is said by an error, and the caller decides when to ask again."""

    def deliver(self, pair: Pair, side: Side, instruction: str, evidence: Evidence) -> None:
        """The evidence of one side's rollout."""

    def judge(self, pair: Pair, *, preference: str, feedback: str, mishap: str = "") -> None:
        """The end of a session; `mishap` is the reason for which it is not to count."""

    def walk_away(self, pair: Pair) -> None:
        """The evaluator leaves in the middle of a session."""

    def take_leave(self, session_id: str) -> None:
        """End a session with one short attempt: the lab is shutting down, and perhaps the platform too."""


class Platform:
    """The platform as a lab sees it that runs RoboArena's client."""

    def __init__(self, *, server: str, evaluator: Evaluator, wait: Wait) -> None:
        self._base = server.rstrip("/")
        self._evaluator = evaluator
        self._wait = wait

    def enter(self) -> None:
        self.check_version()
        self.validate_access()

    def check_version(self) -> None:
        self._insist("version_check", json={"client_version": CLIENT_VERSION})

    def validate_access(self) -> None:
        who = self._evaluator
        self._insist(
            "validate_evaluator_access",
            json={
                "evaluator_email": who.email.strip().lower(),
                "institution": who.institution,
                "evaluator_code": who.code,
            },
        )

    def ask_for_pair(self, *, instruction: str) -> Pair:
        who = self._evaluator
        request = {
            "eval_location": who.institution,
            "evaluator_name": who.email.strip().lower(),
            "evaluator_code": who.code,
            "language_instruction": instruction,
            "robot_name": who.embodiment,
        }
        return _pair(self._post("get_policies_to_compare", json=request).json())

    def upload(self, *, form: Mapping[str, str], files: Mapping[str, tuple[str, bytes, str]]) -> None:
        self._insist("upload_eval_data", data={**form, "evaluator_code": self._evaluator.code}, files=files)

    def terminate(self, *, session_id: str, notes: str) -> None:
        self._insist("terminate_session", data=self._ending(session_id, notes))

    def deliver(self, pair: Pair, side: Side, instruction: str, evidence: Evidence) -> None:
        now = datetime.now().astimezone()
        fields = form(evidence, session_id=pair.session_id, side=side, instruction=instruction, now=now)
        self.upload(form=fields, files=files(evidence))

    def judge(self, pair: Pair, *, preference: str, feedback: str, mishap: str = "") -> None:
        notes = ending(valid=not mishap, preference=preference, feedback=feedback)
        self.terminate(session_id=pair.session_id, notes=notes)

    def walk_away(self, pair: Pair) -> None:
        """RoboArena's client says nothing then."""

    def take_leave(self, session_id: str) -> None:
        notes = ending(valid=False, preference="TIE", feedback="The lab was closed during the session.")
        try:
            self._post("terminate_session", timeout=2.0, data=self._ending(session_id, notes))
        except (requests.RequestException, Refused):
            return

    def _ending(self, session_id: str, notes: str) -> dict[str, str]:
        return {"session_id": session_id, "evaluator_code": self._evaluator.code, "evaluation_notes": notes}

    def _insist(self, call: str, **request: Any) -> None:
        """Make a call until it is answered for good: uploads and endings may be repeated."""
        patience, deadline = Patience(self._wait), time.monotonic() + INSIST_SECONDS
        while True:
            try:
                self._post(call, **request)
            except requests.RequestException as error:
                reason = f"{call}: {type(error).__name__}"
            except Refused as refusal:
                if not is_passing(refusal.status):
                    raise
                reason = f"{call}: answered {refusal.status}"
            else:
                return
            if time.monotonic() > deadline:
                raise Unanswered(reason)
            patience.pause(reason)

    def _post(self, call: str, *, timeout: float = ANSWER_SECONDS, **request: Any) -> requests.Response:
        with requests.Session() as session:
            # The access code goes to the platform and to no proxy of the environment.
            session.trust_env = False
            answer = session.post(f"{self._base}/{call}", timeout=timeout, **request)
        if not answer.ok:
            raise Refused(answer.status_code, answer.text[:200])
        return answer


def is_passing(status: int) -> bool:
    """Whether an error may go away by itself: the platform is restarting or busy."""
    return status >= 500 or status in (408, 425, 429)


def _pair(answer: Any) -> Pair:
    try:
        pair = Pair(str(answer["session_id"]), [_side(side) for side in answer["policies"]])
    except (KeyError, TypeError):
        raise Refused(502, "the answer is no pair of policies") from None
    if [side.label for side in pair.sides] != ["A", "B"]:
        raise Refused(502, "the pair is not labelled A and B")
    return pair


def _side(told: Any) -> Side:
    label, ip, port = str(told["label"]), str(told["ip"]), str(told["port"])
    return Side(label, f"ws://{ip}:{port}", ip, port)
