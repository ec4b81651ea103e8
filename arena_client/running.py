"""A whole session at a station: opened, both sides run from the same start, uploaded, scored, submitted.

What has been done is never done again: the platform knows the episodes, and each rollout lies on the disk as soon as it
is over. So a program that ended anywhere in between goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from arena_client.answers import LABELS, Session
from arena_client.client import Client
from arena_client.errors import ArenaError, BadAnswer, Conflict, DraftChanged, NotFound
from arena_client.policy import Closed, PolicyConnection, PolicyError, Unreachable
from arena_client.rollout import MAX_STEPS, Rollout, never, run_rollout, untold
from arena_client.station import Station
from arena_client.uploads import Progress, silent


@dataclass(frozen=True)
class Score:
    """How far a side got; progress is 0 to 1."""

    progress: float
    success: bool
    failure_modes: list[str] = field(default_factory=list)
    recovered: bool | None = None


@dataclass(frozen=True)
class Verdict:
    """Which side was better: `A`, `B` or `TIE`; or why the session is not to count."""

    preference: str | None
    notes: str = ""
    invalid_reason: str | None = None
    invalid_comment: str = ""


class Judge(Protocol):
    """Who scores: a person at a terminal, or a program at a simulated station."""

    def score(self, session: Session, side: str, rollout: Rollout | None) -> Score:
        """Asked after each rollout; there is none where an earlier run of the program, elsewhere, uploaded it."""

    def compare(self, session: Session) -> Verdict:
        """Asked when both sides have been scored."""


@dataclass(frozen=True)
class Attendant:
    """The people beside the robot: what they are told, and asked to do. By default nobody is there."""

    opened: Callable[[Session], None] = lambda session: None
    restore: Callable[[Session], None] = lambda session: None
    """Returns when the scene has been put back as it was, for side B or for another attempt."""
    again: Callable[[str, Exception], bool] = lambda side, error: False
    """Whether a side whose policy failed or could not be reached is to be run again."""
    should_end: Callable[[], bool] = never
    step: Callable[[int, int], None] = untold
    say: Callable[[str], None] = lambda line: None
    upload: Progress = silent


NOBODY = Attendant()


def run_session(
    client: Client,
    station: Station,
    *,
    station_id: int,
    instruction: str = "",
    judge: Judge | None = None,
    attendant: Attendant = NOBODY,
    resume: bool = False,
    training: bool = False,
    folder: Path = Path("arena-sessions"),
    max_steps: int = MAX_STEPS,
    chunk: int | None = None,
) -> Session:
    """Run a session to its end; without a judge, up to where it is judged in the browser (`client.page`).

    With `resume` the newest open session at the station goes on, if it is of this task where one is given.
    """
    session = _find_open(client, station_id, instruction) if resume else None
    if session is None:
        session = client.open_session(station_id, instruction, training=training or None)
    attendant.opened(session)
    run = _Run(client, station, judge, attendant, _folder_of(folder, session), max_steps, chunk)
    for label in LABELS:
        run.side(session.id, label)
    if judge is None:
        return client.session(session.id)
    verdict = judge.compare(client.session(session.id))
    return client.submit(
        session.id,
        preference=verdict.preference,
        notes=verdict.notes,
        valid=verdict.invalid_reason is None,
        invalid_reason=verdict.invalid_reason,
        invalid_comment=verdict.invalid_comment or None,
    )


def _find_open(client: Client, station_id: int, instruction: str) -> Session | None:
    """The newest open session at the station; where an instruction is given, of that task, if there is one."""
    for session in client.sessions(only_open=True, station=station_id):
        if not instruction or session.instruction == " ".join(instruction.split()):
            return session
    if not instruction:
        raise NotFound("no_open_session", "You have no open session at this station.", hint="Give a new instruction.")
    return None


def _folder_of(folder: Path, session: Session) -> Path:
    """The id comes from outside and becomes part of a path."""
    if not re.fullmatch(r"[0-9A-Za-z-]{1,64}", session.id):
        raise BadAnswer("bad_answer", "The session's id is none.")
    return folder / session.id


@dataclass
class _Run:
    client: Client
    station: Station
    judge: Judge | None
    attendant: Attendant
    folder: Path
    max_steps: int
    chunk: int | None

    def side(self, session_id: str, label: str) -> None:
        session, folder = self._open_session(session_id), self.folder / label
        rollout = Rollout.load(folder)
        if rollout is None and session.sides[label].episode is None and not session.sides[label].media:
            rollout = self._roll_out(session, label, folder)
        if self.judge is not None and session.sides[label].episode is None:
            self._score(self.judge, session, label, rollout)
        for kind, path in (rollout.files if rollout else {}).items():
            self.attendant.say(f"{label}: sending {kind}")
            self.client.upload(session_id, label, kind, path, progress=self.attendant.upload)
        if self.judge is None:
            self._mark_done(session_id, label)

    def _open_session(self, session_id: str) -> Session:
        session = self.client.session(session_id)
        if not session.is_open:
            raise Conflict("session_ended", "This session has ended.", hint="Start a new one.")
        return session

    def _roll_out(self, session: Session, label: str, folder: Path) -> Rollout:
        if label != LABELS[0]:
            self.attendant.restore(session)
        while True:
            try:
                return self._attempt(session.id, label, folder)
            except (Unreachable, PolicyError) as error:
                if not self.attendant.again(label, error):
                    raise
            self.attendant.restore(session)

    def _attempt(self, session_id: str, label: str, folder: Path) -> Rollout:
        session = self._open_session(session_id)
        address = session.sides[label].relay_url
        if address is None:
            raise Closed(f"side {label} has no address")
        self.attendant.say(f"{label}: running")
        with PolicyConnection(address, prompt=session.instruction, episode=f"{session_id}-{label}") as policy:
            return run_rollout(
                self.station,
                policy,
                instruction=session.instruction,
                max_steps=self.max_steps,
                chunk=self.chunk,
                folder=folder,
                should_end=self.attendant.should_end,
                told=self.attendant.step,
            )

    def _score(self, judge: Judge, session: Session, label: str, rollout: Rollout | None) -> None:
        score = judge.score(session, label, rollout)
        self.client.record_episode(
            session.id,
            label,
            progress=score.progress,
            success=score.success,
            failure_modes=score.failure_modes,
            recovered=score.recovered,
            # As RoboArena's client reports it: the index of the last step.
            duration_steps=max(0, rollout.steps - 1) if rollout else None,
        )

    def _mark_done(self, session_id: str, label: str) -> None:
        """The page in the browser then asks for what comes next."""
        draft = self.client.session(session_id).draft
        try:
            self.client.save_draft(session_id, draft.revision if draft else 0, {f"{label.lower()}_done": True})
        except DraftChanged:
            return  # somebody is there already, and knows better
        except ArenaError as error:
            self.attendant.say(f"{label}: {error}")
