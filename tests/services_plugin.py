"""Servers for the tests, and a last word on what was skipped.

pytest-django reads the settings before any conftest.py, so the servers start when this module is loaded (`-p` in
pyproject.toml). The processes of pytest-xdist inherit the environment and use the same servers, each with a database, a
cache and a home of its own.
"""

import atexit
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from arena.embedded import Services, missing_servers

_XDIST_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")  # gw0, gw1, …; empty where there are none, and in their head


def _start() -> None:
    """A home of its own, whatever the environment says, and servers unless the environment names them."""
    home = Path(tempfile.mkdtemp(prefix="policy-arena-tests-"))
    home.chmod(0o711)  # root's servers run as another user, who has to get through
    os.environ["ARENA_HOME"] = str(home)
    for name in ("MIGRATION_DATABASE_URL", "MIGRATION_DATABASE_URL_FILE"):
        os.environ.pop(name, None)  # the tests make and drop their own databases, as DATABASE_URL says
    used = Services(home, missing_servers(), durable=False)
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    atexit.register(used.leave)
    os.environ.update(used.join())


def _move_in(worker: str) -> None:
    """pytest-django makes each worker a database. What it keeps in cache or on disk, others would clear away."""
    home = Path(os.environ["ARENA_HOME"]) / worker
    home.mkdir(exist_ok=True)
    number = int(worker.removeprefix("gw")) + 1
    os.environ |= {"ARENA_HOME": str(home), "REDIS_URL": f"{os.environ['REDIS_URL']}?db={number}"}


if _XDIST_WORKER:
    _move_in(_XDIST_WORKER)
else:
    _start()


def chromium() -> str | None:
    """The browser of the end-to-end tests: CHROMIUM, or the system's."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if chromium():
        return
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.skip(reason="no Chromium (set CHROMIUM, or install the package chromium)"))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Skipped tests are counted by reason: a run that left something out says so in its last lines."""
    reasons = Counter(_reason(report) for report in terminalreporter.getreports("skipped"))
    if reasons:
        terminalreporter.write_sep("-", f"skipped: {reasons.total()} tests")
        for reason, count in reasons.most_common():
            terminalreporter.write_line(f"{count:5d}  {reason}")


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
