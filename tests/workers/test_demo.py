"""What the demo keeps, makes once, and shows."""

import io
import json
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from rich.console import Console

from arena import api_keys, keys
from arena.errors import NotSignedIn
from arena.models import Lab, Membership, Person, Policy, PolicyVersion, Role, Station
from evaluations import selectors
from evaluations.models import Preference
from leaderboard import snapshots
from tests.factories import Arena, finish_session, make_arena, open_session
from tests.homes import temporary_home
from tests.processes import ROOT
from tests.workers.platform import Platform
from workers.demo import programs, seeding
from workers.demo.display import Display, read_progress, result_line, simulated_sessions
from workers.demo.keepsakes import Keepsakes, taken
from workers.platform import CannotRun

PROFILES = [
    {"name": "north", "title": "North Lab (simulated)", "cameras": ["left", "wrist"], "evaluators": ["nora"]},
    {"name": "south", "title": "South Lab (simulated)", "cameras": ["left"], "evaluators": ["sam", "sue"]},
    {"name": "west", "title": "West Lab (simulated)", "cameras": ["left"], "evaluators": ["wim"]},
]
POLICIES = [{"name": name, "version": "1"} for name in ("expert", "slow", "random")]


@pytest.fixture
def keepsakes(tmp_path: Path) -> Keepsakes:
    return Keepsakes.load(tmp_path / "demo.json")


def seed(keepsakes: Keepsakes) -> list[seeding.SimulatedLab]:
    labs = seeding.seed_labs(PROFILES, keepsakes)
    seeding.seed_policies(POLICIES, keepsakes.ports(len(POLICIES)), keepsakes)
    seeding.seed_steward(keepsakes)
    return labs


def counts() -> list[int]:
    return [model.objects.count() for model in (Lab, Person, Membership, Station, PolicyVersion)]


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


class TestKeepsakes:
    def test_they_are_private_and_the_same_at_the_next_start(self, keepsakes: Keepsakes) -> None:
        password, ports = keepsakes.password("a@example.org"), keepsakes.ports(10)
        keepsakes.keep_code("a@example.org", "code")
        again = Keepsakes.load(keepsakes.path)
        assert again.password("a@example.org") == password
        assert again.ports(10) == ports
        assert again.codes == {"a@example.org": "code"}
        assert stat.S_IMODE(keepsakes.path.stat().st_mode) == 0o600

    def test_passwords_are_of_each_installation(self, tmp_path: Path) -> None:
        made = {Keepsakes(tmp_path / str(number)).password("a@example.org") for number in range(3)}
        assert len(made) == 3

    def test_taken_ports_are_found(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            assert taken(range(port, port + 1)) == [port]
        assert taken(range(port, port + 1)) == []


@pytest.mark.django_db
class TestSeeding:
    def test_everything_is_made_once(self, keepsakes: Keepsakes) -> None:
        labs = seed(keepsakes)
        made = counts()
        assert made == [5, 9, 8, 3, 3]
        assert seed(Keepsakes.load(keepsakes.path)) == labs
        assert counts() == made

    def test_all_of_it_is_simulated(self, keepsakes: Keepsakes) -> None:
        seed(keepsakes)
        assert not Lab.objects.filter(simulated=False).exists()
        assert not PolicyVersion.objects.filter(policy__simulated=False).exists()

    def test_no_lab_with_a_station_owns_a_policy(self, keepsakes: Keepsakes) -> None:
        seed(keepsakes)
        assert not PolicyVersion.objects.filter(policy__lab__stations__isnull=False).exists()
        assert PolicyVersion.objects.values("policy__lab").distinct().count() == 2

    def test_every_second_lab_uses_the_api(self, keepsakes: Keepsakes) -> None:
        labs = seed(keepsakes)
        assert [bool(lab.api_key) for lab in labs] == [False, True, False]
        key = api_keys.authenticate_api_key(secret=labs[1].api_key, address="test", now=timezone.now())
        assert (key.person.email, key.lab.name, key.scopes) == (labs[1].email, labs[1].name, ["read", "evaluate"])

    def test_a_lab_s_secrets_are_in_no_command_line(self, keepsakes: Keepsakes) -> None:
        for lab in seed(keepsakes):
            program = programs._lab_program(lab, programs._Turn(1, 0))
            secret = lab.api_key or lab.code
            assert list(program.environment.values()) == [secret]
            assert secret not in " ".join(program.command)
            assert ("--api" in program.command) == bool(lab.api_key)

    def test_training_is_run_against_the_best_and_the_worst(self, keepsakes: Keepsakes) -> None:
        seed(keepsakes)
        assert set(Policy.objects.filter(practice=True).values_list("slug", flat=True)) == {"expert", "random"}

    def test_a_key_that_was_never_kept_is_replaced(self, keepsakes: Keepsakes) -> None:
        lost = seed(keepsakes)[1].api_key
        keepsakes.api_keys.clear()
        again = seed(keepsakes)[1].api_key
        with pytest.raises(NotSignedIn):
            api_keys.authenticate_api_key(secret=lost, address="test", now=timezone.now())
        assert api_keys.authenticate_api_key(secret=again, address="test", now=timezone.now())

    def test_an_interrupted_start_is_completed(self, keepsakes: Keepsakes) -> None:
        seeding.seed_labs(PROFILES[:1], keepsakes)
        keepsakes.codes.clear()  # as if it had ended before the access code was kept
        labs = seed(Keepsakes.load(keepsakes.path))
        key = keys.authenticate_client(code=labs[0].code, email=labs[0].email, address="test", now=timezone.now())
        assert key.station.lab.name == labs[0].name

    def test_an_installation_that_is_no_demo_is_left_alone(self, keepsakes: Keepsakes) -> None:
        seeding.refuse_other_installations(keepsakes)
        make_arena()
        with pytest.raises(CannotRun, match="is no demo"):
            seeding.refuse_other_installations(keepsakes)
        keepsakes.save()
        seeding.refuse_other_installations(keepsakes)

    def test_there_is_an_account_of_each_role_that_can_be_entered(self, keepsakes: Keepsakes) -> None:
        accounts = seeding.accounts(seed(keepsakes), keepsakes)
        assert [account.role for account in accounts] == ["evaluator", "lab admin", "policy owner", "steward"]
        people = [Person.objects.get(email=account.email) for account in accounts]
        assert all(person.check_password(account.password) for person, account in zip(people, accounts, strict=True))
        assert [person.is_staff for person in people] == [False, False, False, True]
        roles = [membership.role for person in people for membership in person.memberships.all()]
        assert roles == [Role.EVALUATOR, Role.ADMIN, Role.OWNER]


@pytest.mark.django_db
class TestPace:
    def total(self, limit: int | None) -> tuple[int, list[int | None]]:
        labs = [seeding.SimulatedLab(name, name, name, "") for name in ("a", "b", "c", "d")]
        turns = [turn for lab in programs.labs_at_work(labs, limit=limit) for turn in lab._turns]
        lively = sum(turn.sessions or 0 for turn in turns if turn.pause_s == 0)
        return lively, [turn.sessions for turn in turns if turn.pause_s]

    def test_the_first_sessions_come_quickly_and_the_rest_gently(self) -> None:
        assert self.total(None) == (programs.LIVELY_SESSIONS, [None] * 4)

    @pytest.mark.parametrize("limit", [0, 1, 7, 60])
    def test_a_limit_below_them_is_kept_to(self, limit: int) -> None:
        assert self.total(limit) == (limit, [])

    def test_a_limit_above_them_is_kept_to(self) -> None:
        lively, gentle = self.total(70)
        assert lively + sum(count or 0 for count in gentle) == 70

    def test_sessions_of_earlier_starts_count(self) -> None:
        open_session(make_arena(simulated=True))
        assert self.total(None)[0] == programs.LIVELY_SESSIONS - 1
        assert self.total(10) == (9, [])


@pytest.mark.django_db
class TestDisplay:
    @pytest.fixture
    def arena(self) -> Arena:
        arena = make_arena(simulated=True)
        Station.objects.filter(pk=arena.station.pk).update(name=seeding.STATION)
        return arena

    def lines(self, *, terminal: bool, work: Callable[[Display], None]) -> str:
        console = Console(file=io.StringIO(), force_terminal=terminal, width=200)
        display = Display(console)
        display.start()
        work(display)
        display.refresh()
        display.stop()
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    def test_a_result_says_who_was_better(self, arena: Arena) -> None:
        session = finish_session(open_session(arena), preference=Preference.B, progress=(0.25, 1.0))
        sides = {side.label: side.version.label for side in session.sides.all()}
        [shown] = selectors.with_everything(simulated_sessions())
        assert result_line(shown) == (
            f"{sides['B']} (100%) beat {sides['A']} (25%): put the cup on the plate. {arena.lab.name}"
        )

    def test_a_session_that_does_not_count_says_why(self, arena: Arena) -> None:
        finish_session(open_session(arena), valid=False)
        [shown] = selectors.with_everything(simulated_sessions())
        assert result_line(shown).startswith("not counted, ")
        assert "@" not in result_line(shown)

    def test_no_policy_of_an_open_session_is_named(self, arena: Arena) -> None:
        open_session(arena)
        for terminal in (True, False):
            shown = self.lines(terminal=terminal, work=lambda _: None)
            assert not any(version.policy.slug in shown for version in arena.versions)
        assert read_progress().open == 1

    def test_without_a_terminal_each_session_is_one_line(self, arena: Arena) -> None:
        finish_session(open_session(arena))  # before the display started: of an earlier start

        def work(display: Display) -> None:
            finish_session(open_session(arena))
            display.refresh()
            finish_session(open_session(arena, "close the drawer"))

        shown = self.lines(terminal=False, work=work).splitlines()
        assert len(shown) == 2
        assert "put the cup on the plate" in shown[0]
        assert "close the drawer" in shown[1]

    def test_in_a_terminal_labs_and_board_are_shown(self, arena: Arena) -> None:
        finish_session(open_session(arena))
        snapshots.recompute_all(now=timezone.now())
        shown = self.lines(terminal=True, work=lambda _: None)
        assert "1 valid sessions" in shown
        assert arena.lab.name in shown
        assert "the board has 2 policies and 1 sessions" in shown

    def test_accounts_are_shown_whole_however_narrow_the_terminal(self) -> None:
        console = Console(file=io.StringIO(), width=60)
        Display(console).welcome([seeding.Account("evaluator", "somebody@north.example", "a-long-password")])
        assert isinstance(console.file, io.StringIO)
        assert "somebody@north.example" in console.file.getvalue()
        assert "a-long-password" in console.file.getvalue()


@pytest.mark.slow
@pytest.mark.sim
def test_one_command_shows_policies_being_compared() -> None:
    """`manage.py demo` on an empty home, until it has run a session; then again, with what is there."""
    with temporary_home() as home:
        platform = Platform(home)
        environment = platform.environment | {"DEMO_SESSIONS": "1"}
        first = run_demo(environment, until=" (simulated)\n")
        assert "Policy Arena is at" in first
        accounts = json.loads((home / "demo.json").read_text())["passwords"]
        assert all(password in first for email, password in accounts.items() if email.startswith("steward"))
        second = run_demo(environment, until="Ctrl-C stops it")
        assert json.loads((home / "demo.json").read_text())["passwords"] == accounts
        assert second.endswith("make demo goes on from here.\n")


def run_demo(environment: dict[str, str], *, until: str) -> str:
    """What the demo prints, stopped by Ctrl-C when it has printed `until`."""
    command = [sys.executable, "-u", "manage.py", "demo"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        assert demo.stdout is not None
        printed = ""
        for line in demo.stdout:
            printed += line
            if until in line:
                demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0, printed
    return printed
