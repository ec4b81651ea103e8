"""Log files of processes: bounded, private, and quoted when something did not start."""

from pathlib import Path
from typing import BinaryIO

_LIMIT_BYTES = 8 * 1024 * 1024


def open_log(path: Path) -> BinaryIO:
    """Append to a log. One that has grown large is put aside first; one earlier log is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    if path.stat().st_size > _LIMIT_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
        path.touch(mode=0o600)
    return path.open("ab")


def tail(path: Path, lines: int = 8) -> str:
    """The end of a log, as part of an error message."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return f"It left no log at {path}."
    return f"The end of {path}:\n" + "\n".join(text.splitlines()[-lines:])
