"""What the owner of a policy does beyond single calls: waiting for a check, and results as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from arena_client.answers import ProtocolCheck
from arena_client.client import Client
from arena_client.transport import Wait

LOOK_AGAIN = 3.0
MOST_LOOKS = 200
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def checked(client: Client, version: str, *, wait: Wait, looks: int = MOST_LOOKS) -> ProtocolCheck:
    """Have a server checked and wait for what was found; after so many looks the check comes unfinished."""
    check = client.check(version)
    for _ in range(looks):
        if check.finished_at is not None:
            break
        wait(f"The server of {version} is being checked.", LOOK_AGAIN)
        check = client.check_found(version, check.id)
    return check


def check_lines(check: ProtocolCheck) -> list[str]:
    if check.finished_at is None:
        return [f"{check.version}: the check waits for a worker; ask again later"]
    verdict = "passed" if check.passed else "not passed"
    steps = [f"  {one.outcome.replace('_', ' '):16} {one.step}: {one.sentence}" for one in check.findings]
    return [f"{check.version}: {verdict}", *steps]


def results_table(rows: Iterable[dict[str, Any]]) -> str:
    """CSV, of cells that a spreadsheet takes for no formula."""
    found, out = list(rows), io.StringIO()
    if found:
        writer = csv.DictWriter(out, fieldnames=list(found[0]), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in found)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        value = " ".join(map(str, value))
    return f"'{value}" if isinstance(value, str) and value.startswith(_STARTS_A_FORMULA) else value
