"""The simulated labs and their policy servers as supervised programs, and the pace at which the labs work."""

import importlib.util
import json
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from evaluations.models import Session
from workers.demo.keepsakes import HOST
from workers.demo.seeding import EMBODIMENT, SimulatedLab
from workers.platform import CannotRun, log_path
from workers.supervisor import Child, Program, Supervisor

# The board fills quickly at first; then the machine is left in peace.
LIVELY_SESSIONS = 60
GENTLE_PAUSE_S = 45


def simlab_facts(what: str) -> list[dict[str, Any]]:
    """What the simulated labs say of themselves: `policies` or `labs`."""
    if importlib.util.find_spec("metaworld") is None:
        raise CannotRun(
            "The simulated labs are not installed: make demo does it, or pip install requirements-simlab.lock"
        )
    done = subprocess.run([*_SIMLAB, what, "--json"], capture_output=True, check=True, cwd=settings.BASE_DIR)
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def policy_servers(ports: range) -> Program:
    return Program(
        name="policies",
        command=_gently([*_SIMLAB, "serve", "--host", HOST, "--first-port", str(ports.start)]),
        log=log_path("policies"),
        ready=lambda: all(_listens(port) for port in ports),
        stop=((signal.SIGTERM, 2.0),),
        wave=1,
    )


class LabAtWork:
    """One simulated lab: lively until it has run its share of the first sessions, then at a gentle pace."""

    def __init__(self, lab: SimulatedLab, *, lively: int, gentle: int | None) -> None:
        self.lab = lab
        self._turns = [turn for turn in (_Turn(lively, 0), _Turn(gentle, GENTLE_PAUSE_S)) if turn.sessions != 0]
        self._child: Child | None = None

    def go_on(self, supervisor: Supervisor) -> None:
        """Start the next turn when the last one is done."""
        if self._turns and (self._child is None or self._child.finished):
            self._child = supervisor.start(_lab_program(self.lab, self._turns.pop(0)))


@dataclass(frozen=True)
class _Turn:
    sessions: int | None
    pause_s: int


def labs_at_work(labs: list[SimulatedLab], *, limit: int | None) -> list[LabAtWork]:
    """`limit` is the number of sessions that the installation is to have in the end."""
    held = Session.objects.filter(simulated=True).count()
    left = None if limit is None else max(0, limit - held)
    lively = max(0, LIVELY_SESSIONS - held)
    lively = lively if left is None else min(lively, left)
    return [
        LabAtWork(
            lab,
            lively=_share(lively, number, len(labs)),
            gentle=None if left is None else _share(left - lively, number, len(labs)),
        )
        for number, lab in enumerate(labs)
    ]


def _share(total: int, number: int, of: int) -> int:
    return total // of + (number < total % of)


def _lab_program(lab: SimulatedLab, turn: _Turn) -> Program:
    count = [] if turn.sessions is None else ["--sessions", str(turn.sessions)]
    server = f"http://{HOST}:{settings.PORT}"
    who = ["--api"] if lab.api_key else ["--institution", lab.name, "--email", lab.email]
    secret = {"ARENA_API_KEY": lab.api_key} if lab.api_key else {"SIMLAB_ACCESS_CODE": lab.code}
    told = ["--server", server, *who, "--embodiment", EMBODIMENT]
    return Program(
        name=f"lab {lab.profile}",
        command=_gently([*_SIMLAB, "lab", lab.profile, *told, *count, "--pause", str(turn.pause_s)]),
        log=log_path(f"lab-{lab.profile}"),
        environment=secret,
        stop=((signal.SIGTERM, 4.0),),
        wave=2,
        may_end_with=0,
    )


_SIMLAB = [sys.executable, "-m", "simlab"]


def _gently(command: list[str]) -> list[str]:
    """Physics takes all of a small machine: pages come first."""
    return ["nice", "-n", "10", *command]


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False
