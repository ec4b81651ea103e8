"""A person at a terminal: asked and told line by line."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from arena_client.answers import Session
from arena_client.rollout import Rollout
from arena_client.running import Attendant, Score, Verdict

Ask = Callable[[str], str]


class Aborted(Exception):
    """The terminal was closed while it was asked."""


def ask(question: str) -> str:
    if sys.stdin.isatty():
        enter_pressed()  # what was typed before the question is no answer to it, and may set a robot in motion
    try:
        return input(f"{question} ").strip()
    except EOFError:
        raise Aborted("nobody answers at the terminal") from None


class Prompts:
    """Scores by questions. An answer that makes no sense is asked for again."""

    def __init__(self, ask: Ask = ask, say: Callable[[str], None] = print) -> None:
        self._ask = ask
        self._say = say

    def score(self, session: Session, side: str, rollout: Rollout | None) -> Score:
        self._say(f"\nSide {side}: how far did it get?")
        for stage in session.rubric:
            self._say(f"  {stage.percent:3}  {stage.text}")
        percent = self._percent()
        success = percent == 100 and self._yes("Was the task done? [Y/n]", default=True)
        return Score(progress=percent / 100, success=success)

    def compare(self, session: Session) -> Verdict:
        preference = self._choice("\nWhich side was better? A, B or T for a tie:", {"a": "A", "b": "B", "t": "TIE"})
        notes = self._ask("Why? One line of notes:")
        if self._yes("Is the session to count? [Y/n]", default=True):
            return Verdict(preference, notes)
        reasons = {"1": "scene_differed", "2": "robot_fault", "3": "policy_unreachable", "4": "policy_unsafe"}
        reasons |= {"5": "disturbed", "6": "marked_invalid"}
        for number, reason in reasons.items():
            self._say(f"  {number}  {reason.replace('_', ' ')}")
        return Verdict(preference, notes, invalid_reason=self._choice("Why not? 1 to 6:", reasons))

    def _percent(self) -> int:
        while True:
            answer = self._ask("Progress, 0 to 100:").rstrip("%").strip()
            if answer.isdecimal() and int(answer) <= 100:
                return int(answer)
            self._say("A whole number from 0 to 100.")

    def _choice(self, question: str, choices: dict[str, str]) -> str:
        while True:
            found = choices.get(self._ask(question).lower())
            if found:
                return found
            self._say(f"One of {', '.join(choices)}.")

    def _yes(self, question: str, *, default: bool) -> bool:
        answer = self._ask(question).lower()
        return default if not answer else answer.startswith("y")


def attendant(*, opened: Callable[[Session], None], quiet: bool = False) -> Attendant:
    """People beside the robot, told on the standard error so that the standard output stays the result's."""
    interactive = sys.stdin.isatty()
    return Attendant(
        opened=opened,
        restore=_restore if interactive else lambda session: None,
        again=_again if interactive else _again_later(),
        should_end=enter_pressed if interactive else lambda: False,
        step=(lambda step, of: None) if quiet else _StepLine("press Enter to end it" if interactive else ""),
        say=(lambda line: None) if quiet else tell,
        upload=(lambda sent, total: None) if quiet else show_progress,
    )


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def show_progress(sent: int, total: int) -> None:
    text = f"  {sent * 100 // max(total, 1):3} %  {sent / 1e6:.1f} of {total / 1e6:.1f} MB"
    _line(text, last=sent >= total)


class _StepLine:
    def __init__(self, hint: str) -> None:
        self._hint = f", {hint}" if hint else ""

    def __call__(self, step: int, of: int) -> None:
        _line(f"  step {step} of at most {of}{self._hint}", last=step >= of)


def _line(text: str, *, last: bool) -> None:
    """Rewritten in place in a terminal; elsewhere only its last state."""
    if sys.stderr.isatty():
        print(f"\r{text}\033[K", end="\n" if last else "", file=sys.stderr, flush=True)
    elif last:
        tell(text)


def _restore(session: Session) -> None:
    ask("\nPut the scene back as it was at the start, then press Enter.")


def _again(side: str, error: Exception) -> bool:
    tell(f"\nSide {side}: {error}.")
    return ask("Run it again from the same start? [Y/n]").lower() in ("", "y", "yes")


def _again_later(attempts: int = 3, pause: float = 2.0) -> Callable[[str, Exception], bool]:
    failures: dict[str, int] = {}

    def again(side: str, error: Exception) -> bool:
        failures[side] = failures.get(side, 0) + 1
        tell(f"side {side}: {error}")
        time.sleep(pause)
        return failures[side] < attempts

    return again


def enter_pressed() -> bool:
    """Whether a line was typed since the last look."""
    if os.name != "posix":
        return _key_pressed_on_windows()
    import select

    pressed = False
    with suppress(OSError, ValueError):
        while select.select([sys.stdin], [], [], 0)[0]:
            if not sys.stdin.readline():
                break
            pressed = True
    return pressed


def _key_pressed_on_windows() -> bool:
    import msvcrt

    pressed = False
    while getattr(msvcrt, "kbhit")():  # noqa: B009  # known on Windows only
        pressed = getattr(msvcrt, "getwch")() == "\r" or pressed  # noqa: B009
    return pressed
