"""The client's closing notes, read by a strict grammar.

    notes     = [ "VALID_SESSION:" NL ] [ "PREFERENCE=" ( "A" | "B" | "TIE" ) NL ] "LONGFORM_FEEDBACK=" rest
    rest      = everything that follows, less one final NL

Only NL ends a line. A person can paste other separators, or the words of the grammar themselves, into the feedback:
there they are just text.
"""

import re
from dataclasses import dataclass

from evaluations.models import Preference
from evaluations.sessions import Judgement

_GRAMMAR = re.compile(
    r"(?P<valid>VALID_SESSION:\n)?(?:PREFERENCE=(?P<preference>A|B|TIE)\n)?LONGFORM_FEEDBACK=(?P<feedback>.*?)\n?",
    re.DOTALL,
)


@dataclass(frozen=True)
class ClosingNotes:
    valid: bool
    preference: Preference | None
    feedback: str


def parse(raw: str) -> ClosingNotes | None:
    """None where the notes do not follow the grammar."""
    match = _GRAMMAR.fullmatch(raw)
    if match is None:
        return None
    preference = match["preference"]
    return ClosingNotes(
        valid=match["valid"] is not None,
        preference=Preference(preference) if preference else None,
        feedback=match["feedback"],
    )


def judgement(raw: str) -> Judgement:
    """What the notes say. Notes that cannot be read are kept as they came, and the session is not valid."""
    notes = parse(raw)
    if notes is None:
        return Judgement(preference=None, notes=raw, valid=False, raw_notes=raw, readable=False)
    return Judgement(preference=notes.preference, notes=notes.feedback, valid=notes.valid, raw_notes=raw)
