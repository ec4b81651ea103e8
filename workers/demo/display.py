"""What the demo shows in the terminal: where to look, and sessions as they arrive.

Policies are named for sessions that have ended only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from arena.models import Lab
from evaluations import selectors
from evaluations.models import OPEN_STATES, Session, State
from evaluations.scopes import SIMULATION
from leaderboard.models import Snapshot
from workers.demo.programs import LIVELY_SESSIONS
from workers.demo.seeding import STATION, Account

LAST_RESULTS = 6


@dataclass(frozen=True)
class LabLine:
    name: str
    valid: int
    other: int
    open: int


@dataclass(frozen=True)
class Progress:
    labs: list[LabLine]
    policies: int
    counted: int
    board_at: datetime | None
    last: list[str]

    @property
    def valid(self) -> int:
        return sum(lab.valid for lab in self.labs)

    @property
    def open(self) -> int:
        return sum(lab.open for lab in self.labs)

    @property
    def other(self) -> int:
        return sum(lab.other for lab in self.labs)


def read_progress() -> Progress:
    snapshot = Snapshot.objects.filter(board=SIMULATION.slug).first()
    ended = selectors.with_everything(simulated_sessions())[:LAST_RESULTS]
    return Progress(
        labs=_lab_lines(),
        policies=len(snapshot.result["policies"]) if snapshot else 0,
        counted=snapshot.counted if snapshot else 0,
        board_at=snapshot.created_at if snapshot else None,
        last=[result_line(session) for session in ended],
    )


def simulated_sessions() -> QuerySet[Session]:
    """Those that have ended, the last one first."""
    return SIMULATION.sessions().public().order_by("-closed_at", "id")


def _lab_lines() -> list[LabLine]:
    valid = Q(sessions__state=State.SUBMITTED, sessions__valid=True, sessions__training=False)
    running = Q(sessions__state__in=OPEN_STATES)
    labs = Lab.objects.filter(simulated=True, stations__name=STATION).annotate(
        n=Count("sessions"), n_valid=Count("sessions", filter=valid), n_open=Count("sessions", filter=running)
    )
    return [LabLine(lab.name, lab.n_valid, lab.n - lab.n_valid - lab.n_open, lab.n_open) for lab in labs]


def result_line(session: Session) -> str:
    """One line of a session that has ended."""
    page = selectors.session_page(session)
    if session.state != State.SUBMITTED or not session.valid:
        why = session.reason_text or session.get_state_display()
        return f"not counted, {why.lower()}: {session.instruction}. {session.lab.name}"
    preferred = page["preferred"]
    sides = sorted(page["sides"], key=lambda one: one["side"] != preferred)
    first, second = (f"{one['side'].version.label} ({one['episode'].progress:.0%})" for one in sides)
    if session.is_same_policy:
        second = f"{second}, a check of the noise"
    return f"{first} {'beat' if preferred else 'tied with'} {second}: {session.instruction}. {session.lab.name}"


class Display:
    """Redraws itself in a terminal; elsewhere prints a line for each session that has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._told_until = timezone.now()

    def say(self, line: str) -> None:
        self._console.print(escape(line), highlight=False, soft_wrap=True)

    def welcome(self, accounts: Sequence[Account]) -> None:
        self.say(f"\nPolicy Arena is at {settings.PUBLIC_URL}")
        table = Table(title="Accounts of this demo", title_justify="left", box=None, pad_edge=False)
        for heading in ("role", "e-mail", "password"):
            table.add_column(heading, no_wrap=True)
        for account in accounts:
            table.add_row(account.role, account.email, account.password)
        self._console.print(table, highlight=False)
        self.say(
            f"Sign in at {settings.PUBLIC_URL}/sign-in. Files and logs are in {settings.ARENA_HOME}. Ctrl-C stops it."
        )

    def start(self) -> None:
        self._told_until = timezone.now()
        if self._live:
            self._live.start()

    def stop(self) -> None:
        if self._live:
            self._live.stop()

    def refresh(self) -> None:
        try:
            if self._live:
                self._live.update(_picture(read_progress()), refresh=True)
            else:
                self._tell_new_sessions()
        except DatabaseError:
            connection.close()  # the next look takes a new one
            if self._live:
                self._live.update(Text("The database does not answer; waiting for it."), refresh=True)

    def _tell_new_sessions(self) -> None:
        new = simulated_sessions().filter(closed_at__gt=self._told_until).order_by("closed_at")
        for session in selectors.with_everything(new):
            assert session.closed_at is not None
            self.say(f"{session.closed_at:%H:%M:%S} {result_line(session)}")
            self._told_until = session.closed_at


def _picture(progress: Progress) -> Group:
    head = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=LIVELY_SESSIONS, completed=min(progress.valid, LIVELY_SESSIONS), width=30)
    head.add_row(f"{progress.valid} valid sessions", bar, f"{progress.open} under way, {progress.other} not counted")
    labs = Table(box=None, pad_edge=False)
    for heading in ("lab", "valid", "not counted", "under way"):
        labs.add_column(heading, justify="left" if heading == "lab" else "right")
    for lab in progress.labs:
        labs.add_row(escape(lab.name), str(lab.valid), str(lab.other), str(lab.open))
    return Group(
        Text(),
        head,
        Text(_board_line(progress)),
        Text(),
        labs,
        Text(),
        *(Text(line, no_wrap=True, overflow="ellipsis") for line in progress.last),
    )


def _board_line(progress: Progress) -> str:
    if progress.board_at is None:
        return "no board yet: the first results are on their way"
    age = int((timezone.now() - progress.board_at).total_seconds())
    return f"the board has {progress.policies} policies and {progress.counted} sessions, computed {age} s ago"
