"""What a browser without scripts posts."""

from typing import Any

from evaluations.models import Session

SCORED = {
    "a_shown": "yes",
    "a_progress": "40",
    "a_success": "no",
    "a_failure_modes": ["dropped"],
    "b_shown": "yes",
    "b_progress": "100",
    "b_success": "yes",
    "b_recovered": "yes",
    "judge_shown": "yes",
    "scene_restored": "yes",
    "preference": "B",
    "notes": "A dropped it.\r\nB did not.",
    "valid": "yes",
    "revision": "0",
}


def address(session: Session, operation: str = "") -> str:
    return f"/evaluate/{session.pk}{operation}"


def scored(**changes: Any) -> dict[str, Any]:
    return SCORED | changes
