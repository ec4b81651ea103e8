"""Every manage.py command works by itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from arena.embedded import services
from arena.embedded.commands import needs_tables
from tests.arena.embedded.users import ask
from tests.processes import ROOT, belonging_to


def manage(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment | {"ARENA_HOME": str(home)},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_a_command_starts_the_services_migrates_and_leaves_nothing_running(home: Path) -> None:
    made = manage("create_lab", "Lab of tests", "--json", home=home)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["lab"] == "Lab of tests"
    assert belonging_to(home) == {}
    again = manage("create_lab", "Lab of tests", "--json", home=home)
    assert json.loads(again.stdout)["error"]["code"] == "lab_exists"


@pytest.mark.slow
def test_a_command_that_needs_no_database_starts_none(home: Path) -> None:
    assert manage("version", home=home).returncode == 0
    assert not (home / "services").exists()


def test_services_that_cannot_be_had_are_said_in_words(home: Path) -> None:
    home.parent.joinpath("file").write_text("")
    failed = manage("recompute", home=home.parent / "file" / "home")
    assert failed.returncode == 1
    assert "cannot be used as ARENA_HOME" in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.slow
def test_dbshell_finds_a_psql(home: Path) -> None:
    asked = manage("dbshell", "--", "-Atc", "select current_database()", home=home)
    assert asked.stdout == "arena\n", asked.stderr


@pytest.mark.slow
def test_commands_work_as_the_runtime_role_also_where_the_database_is_older(home: Path) -> None:
    """As it was before there were two roles: made by its owner, and nobody else there."""
    with services(home, ["postgresql"], durable=False) as env:
        owners = env["DATABASE_URL"]
        environment = os.environ | {"ARENA_HOME": str(home), "DATABASE_URL": owners}
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
        assert ask(env, "select count(*) from pg_roles where rolname = 'arena_runtime'") == 0
    made = manage("create_lab", "Lab of tests", "--json", home=home)
    assert made.returncode == 0, made.stderr
    assert manage("dbshell", "--", "-Atc", "select current_user", home=home).stdout == "arena_runtime\n"
    refused = manage("dbshell", "--", "-Atc", "update arena_auditevent set tag = 'x'", home=home)
    assert "permission denied" in refused.stderr
    assert manage("showmigrations", "arena", home=home).returncode == 0
    assert manage("check", "--database", "default", "--fail-level", "WARNING", home=home).returncode == 0


@pytest.mark.slow
def test_migrate_may_be_the_first_command_of_all(home: Path) -> None:
    assert manage("migrate", "-v0", home=home).returncode == 0
    assert manage("dbshell", "--", "-Atc", "select current_user", home=home).stdout == "arena_runtime\n"


@pytest.mark.parametrize(
    ("arguments", "tables"),
    [
        ([], False),
        (["--help"], False),
        (["create_lab", "--help"], False),
        (["help", "create_lab"], False),
        (["check"], False),
        (["check", "--database", "default"], True),
        (["check", "--database=default"], True),
        (["collectstatic"], False),
        (["migrate"], False),
        (["makemigrations"], False),
        (["create_lab", "X"], True),
        (["up"], True),
    ],
)
def test_which_commands_need_the_tables(arguments: list[str], tables: bool) -> None:
    assert needs_tables(arguments) is tables
