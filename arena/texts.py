"""Free text as people type it, before it is kept and where it leaves in a table; and times in sentences of ours."""

from datetime import UTC, datetime

from arena.errors import ArenaError

# How a cell begins that a spreadsheet would run.
_RUN = ("=", "+", "-", "@", "\t", "\r")


def clean_text(text: str, *, field: str, longest: int, required: bool = False) -> str:
    """The text without blanks around it; lines may break. Refused: what is too long, missing, or cannot be shown."""
    text = text.replace("\r\n", "\n").strip()
    if required and not text:
        raise ArenaError("bad_field", f"{field}: say something here.")
    if len(text) > longest:
        raise ArenaError("bad_field", f"{field}: at most {longest} characters, not {len(text)}.")
    if any(not (sign.isprintable() or sign in "\n\t") for sign in text):
        raise ArenaError("bad_field", f"{field}: it holds signs that cannot be shown.")
    return text


def as_cell(text: str) -> str:
    """The text for a table: others wrote it, and a spreadsheet must not run it."""
    return f"'{text}" if text.startswith(_RUN) else text


def since(at: datetime, now: datetime) -> str:
    """`14:02 UTC`, with the day where it was another."""
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    day = "" if at.date() == now.date() else f"{at.day} {at:%b}, "
    return f"{day}{at:%H:%M} UTC"
