"""Made-up meetings of a version, by a rule that tests can reason about."""

import random
import uuid
from datetime import UTC, datetime, timedelta

from reports.evidence.items import Evidence, Names, gather
from reports.evidence.meetings import Meeting, Outcome

SUBJECT = "sharp-1@2"
NAMES = Names(
    categories={"pick-place": "Pick and Place", "cover-fold": "Cover / Drape / Fold", "tool-use": "Tool Use"},
    labs={"berlin": "Berlin", "pune": "Pune"},
    scene={"good-light": ("good light", {"yes": "yes", "no": "no"})},
    failures={"dropped": "dropped it", "froze": "froze"},
)
BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOTES = {
    Outcome.WON: "Policy {own} completed the task smoothly. Policy {other} did not move.",
    Outcome.LOST: "{own} dropped the cup while {other} finished the task quickly.",
    Outcome.TIED: "Both were slow.",
}


def meeting(number: int, outcome: Outcome, **fields: object) -> Meeting:
    label = "AB"[number % 2]
    own = {Outcome.WON: 0.9, Outcome.TIED: 0.5, Outcome.LOST: 0.2}[outcome]
    usual: dict[str, object] = {
        "session": str(uuid.UUID(int=number + 1)),
        "lab": ("berlin", "pune")[number % 2],
        "evaluator": f"evaluator-{number % 5}",
        "opponent": ("plain-1@1", "other-2@1", "third@3")[number % 3],
        "label": label,
        "instruction": "put the cup on the plate",
        "category": "pick-place",
        "at": BEGIN + timedelta(hours=number),
        "progress": own,
        "theirs": 1.1 - own,
        "success": outcome is Outcome.WON,
        "failures": frozenset({"dropped"}) if outcome is Outcome.LOST else frozenset(),
        "notes": NOTES[outcome].format(own=label, other="BA"[number % 2]),
    }
    return Meeting(outcome=outcome, **(usual | fields))  # type: ignore[arg-type]


def strong_at_picking(n: int = 60, seed: int = 1) -> list[Meeting]:
    """It wins nearly all that is picked and loses nearly all that is folded."""
    rng = random.Random(seed)
    found = []
    for number in range(n):
        category = ("pick-place", "cover-fold", "tool-use")[number % 3]
        wins = {"pick-place": 0.95, "cover-fold": 0.05, "tool-use": 0.5}[category]
        outcome = Outcome.TIED if rng.random() < 0.05 else Outcome.WON if rng.random() < wins else Outcome.LOST
        light = "yes" if rng.random() < 0.7 else "no"
        found.append(meeting(number, outcome, category=category, scene={"good-light": light}))
    return found


def evidence(meetings: list[Meeting] | None = None) -> Evidence:
    return gather(subject=SUBJECT, meetings=strong_at_picking() if meetings is None else meetings, names=NAMES)
