"""What the platform's database role may do, tried on the real database as that role."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from arena import members, runtime_role
from arena.management.commands import migrate
from arena.models import AuditEvent, Membership, Role
from arena.schema import as_owner, connected, renew_rights
from credits import grants, ledger
from credits.models import Entry
from evaluations import guesses, sessions
from evaluations.models import EvaluationRequest, Label, Preference, Session, State
from evaluations.requests import orders
from evaluations.sessions import Judgement
from leaderboard import snapshots
from tests.factories import make_arena, make_lab, make_person, make_steward, open_session, upload_episode

pytestmark = pytest.mark.django_db(transaction=True)

FORBIDDEN = [
    "UPDATE arena_auditevent SET tag = 'nothing:done'",
    "DELETE FROM arena_auditevent",
    "TRUNCATE arena_auditevent",
    "UPDATE credits_entry SET amount = 1000",
    "DELETE FROM credits_entry",
    "TRUNCATE credits_entry CASCADE",
    "TRUNCATE arena_lab CASCADE",
    "DELETE FROM evaluations_session",
    "UPDATE evaluations_session SET evaluator_id = NULL",
    "UPDATE evaluations_result SET preference = 'A'",
    "UPDATE evaluations_side SET label = 'A'",
    "DELETE FROM evaluations_exclusion",
    "UPDATE leaderboard_snapshot SET counted = 0",
    "INSERT INTO django_migrations (app, name, applied) VALUES ('arena', '9999', now())",
    "ALTER TABLE arena_auditevent DISABLE TRIGGER ALL",
    "ALTER TABLE arena_auditevent OWNER TO CURRENT_USER",
    "SET session_replication_role = replica",
    "DROP TABLE arena_auditevent",
    "DROP FUNCTION public._pgtrigger_should_ignore",
    "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE FUNCTION pg_temp.nothing() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TRIGGER nothing BEFORE INSERT ON arena_auditevent EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE RULE nothing AS ON INSERT TO arena_auditevent DO INSTEAD NOTHING",
    "CREATE TABLE arena_other (id int)",
    "CREATE TEMPORARY TABLE credits_account (id int)",
    "CREATE SCHEMA other",
    "CREATE ROLE other",
    "CREATE DATABASE other",
    "SET ROLE {owner}",
    "SELECT setval('credits_entry_id_seq', 1)",
]


@pytest.fixture
def role() -> Iterator[str]:
    """A role of the test's own, with the rights of the runtime role."""
    name = f"runtime_{uuid.uuid4().hex[:8]}"
    runtime_role.make(name)
    assert runtime_role.grant(name) == []
    yield name
    with connection.cursor() as cursor:
        cursor.execute(f"DROP OWNED BY {name}")
        cursor.execute(f"DROP ROLE {name}")


@pytest.fixture
def as_role(role: str) -> Iterator[psycopg.Connection[Any]]:
    address = connection.get_connection_params() | {"user": role}
    with psycopg.connect(
        **{name: address[name] for name in ("dbname", "user", "host", "port") if name in address}
    ) as it:
        it.autocommit = True
        yield it


def test_what_rewrites_is_refused(as_role: psycopg.Connection[Any]) -> None:
    owner = connection.settings_dict["USER"]
    taken = []
    for statement in FORBIDDEN:
        try:
            as_role.execute(statement.format(owner=owner))
        except psycopg.errors.InsufficientPrivilege:
            continue
        taken.append(statement)
    assert taken == []


def test_it_cannot_give_itself_more(role: str, as_role: psycopg.Connection[Any]) -> None:
    """PostgreSQL answers this with a notice, and does nothing."""
    as_role.execute("GRANT UPDATE, DELETE ON arena_auditevent TO CURRENT_USER")
    assert runtime_role.differences(role) == []


def test_triggers_cannot_be_skipped_by_a_setting(as_role: psycopg.Connection[Any]) -> None:
    """What the rights alone do not forbid: changing the balance of an account."""
    ledger.earn(lab=make_lab(), amount=2, key="a")
    as_role.execute("SET pgtrigger.ignore = '{account_moves_by_entries}'")
    with pytest.raises(psycopg.errors.CheckViolation, match="Only an entry changes a balance"):
        as_role.execute("UPDATE credits_account SET balance = 1000")


def test_the_append_only_tables_are_those_that_we_think_of() -> None:
    assert set(runtime_role.append_only_tables()) == {
        "arena_auditevent",
        "credits_entry",
        "evaluations_episode",
        "evaluations_exclusion",
        "evaluations_guess",
        "evaluations_photo",
        "evaluations_proposedprogress",
        "evaluations_result",
        "evaluations_side",
        "evaluations_tag",
        "evaluations_tagging",
        "leaderboard_inputchunk",
        "leaderboard_odditycomment",
        "leaderboard_snapshot",
        "leaderboard_snapshotinput",
        "reports_exportfile",
        "reports_policyreport",
    }


@override_settings(REQUESTED_SHARE=1.0, TRAINING_REQUIRED=False)
def test_a_whole_sessions_life_works_as_that_role(role: str) -> None:
    arena = make_arena()
    alice, eve = make_person("alice@example.org", lab=arena.owners, role=Role.OWNER), make_steward()
    with connected(connection.settings_dict | {"USER": role}):
        with connection.cursor() as cursor:
            cursor.execute("select current_user")
            assert cursor.fetchone() == (role,)
        now = timezone.now()
        grants.give_due(now=now)
        request = orders.place(version=arena.versions[0], wanted=1, by=alice, now=now)
        session = open_session(arena)
        assert session.request == request
        for label in Label:
            upload_episode(session, label)
        judgement = Judgement(preference=Preference.A, notes="A was steadier.", valid=True)
        sessions.submit(session=session, judgement=judgement, now=now, veiled=True)
        guesses.answer(session=session, policy_a=arena.versions[0].policy.slug, policy_b=None, now=now)
        assert Entry.objects.filter(kind=Entry.Kind.EARNED, target__lab=arena.lab).count() == 1
        assert EvaluationRequest.objects.get().state == EvaluationRequest.State.DONE
        assert snapshots.recompute_all(now=now + timedelta(seconds=1))
        sessions.exclude(session=session, reason="wrong robot", comment="another arm", by=eve)
        sessions.abandon(session=open_session(arena, "another task"), by=arena.dana, now=now)
        members.remove_member(membership=Membership.objects.get(person=arena.dana), by=eve, now=now)
        assert Session.objects.filter(state=State.SUBMITTED).count() == 1
        tags = set(AuditEvent.objects.values_list("tag", flat=True))
    assert {"request:placed", "session:opened", "session:submitted", "request:done", "session:excluded"} <= tags


def test_every_migration_gives_the_rights_anew(role: str) -> None:
    name = connection.ops.quote_name(role)
    with connection.cursor() as cursor:
        cursor.execute(f"REVOKE SELECT ON arena_lab FROM {name}")
        cursor.execute(f"GRANT UPDATE, TRUNCATE ON arena_auditevent TO {name}")
    assert "lacks SELECT arena_lab" in runtime_role.differences(role)
    assert "may TRUNCATE arena_auditevent" in runtime_role.differences(role)
    assert not runtime_role.is_settled()
    call_command(migrate.Command(), verbosity=0)
    assert runtime_role.differences(role) == []
    assert runtime_role.is_settled()


def test_the_runtime_role_gives_no_rights(role: str) -> None:
    with connected(connection.settings_dict | {"USER": role}):
        assert renew_rights() == []
        with pytest.raises(CommandError, match="not_the_owner"):
            call_command("grant_runtime", role)


def test_migrations_are_the_owners(role: str) -> None:
    owner = {part: connection.settings_dict[part] for part in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    runtime = connection.settings_dict | {"USER": role}
    with connected(runtime), override_settings(MIGRATION_DATABASE=owner):
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("select current_user")
            assert cursor.fetchone() == (owner["USER"],)
        call_command("migrate", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("select current_user")
            assert cursor.fetchone() == (role,)


def test_only_a_role_that_can_rewrite_nothing_is_granted(role: str) -> None:
    strong = f"{role}_strong"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {strong} LOGIN CREATEDB")
    try:
        for name, code in ((strong, "role_too_strong"), (connection.settings_dict["USER"], "role_too_strong")):
            with pytest.raises(CommandError, match=code):
                call_command("grant_runtime", name)
        with pytest.raises(CommandError, match="role_unknown"):
            call_command("grant_runtime", "nobody_of_that_name")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP ROLE {strong}")


def test_rights_that_come_another_way_are_said(role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT pg_write_all_data TO {role}")
    with pytest.raises(CommandError, match=r"may DELETE arena_auditevent.*role_differs"):
        call_command("grant_runtime", role)


def test_a_platform_that_runs_as_the_owner_is_warned(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(user: str) -> list[str]:
        monkeypatch.setattr(runtime_role, "configured_role", lambda: user)
        messages = checks.run_checks(databases=["default"])
        return [message.msg for message in messages if message.id == "arena.W005"]

    assert "owns its tables" in found(connection.settings_dict["USER"])[0]
    assert found(role) == []
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT DELETE ON arena_auditevent TO {role}")
    assert "may DELETE arena_auditevent" in found(role)[0]
