"""Migrations, which run as the owner of the tables, and the rights of the role that the platform connects as."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from arena import runtime_role
from arena.embedded import commands as embedded

_LOCK = 0x504F4C4943590001  # any number that nobody else locks
_ADDRESS = ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")


@contextmanager
def as_owner() -> Iterator[None]:
    """Within the block this thread's connection is the owner's, where MIGRATION_DATABASE_URL names one."""
    owner = settings.MIGRATION_DATABASE
    ours = connection.settings_dict
    if owner is None or all(ours[part] == owner[part] for part in _ADDRESS if part in owner):
        yield
        return
    with connected(ours | {part: owner[part] for part in _ADDRESS if part in owner}):
        yield


@contextmanager
def connected(address: dict[str, object]) -> Iterator[None]:
    """Within the block this thread's connection is another one."""
    before = connection.settings_dict
    connection.close()
    connection.settings_dict = address
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = before


def migrate_where_needed() -> bool:
    """Apply the migrations and rights that are missing, once however many processes ask; True where there were some."""
    with as_owner():
        migrations = _migrations_are_missing()
        if not migrations and not _role_is_missing() and runtime_role.is_settled():
            return False
        with _alone():
            if migrations:
                call_command("migrate", verbosity=0, interactive=False)
            else:
                renew_rights()
    return True


def renew_rights() -> list[str]:
    """After a migration: the runtime roles, the embedded database's own among them, get their rights anew."""
    with as_owner(), _alone():
        if _role_is_missing():
            runtime_role.make(runtime_role.configured_role())
        return runtime_role.renew()


def _role_is_missing() -> bool:
    """The embedded database is ours to make roles in; in another one somebody else has chosen them."""
    role = runtime_role.configured_role()
    return "postgresql" in embedded.attached.names and bool(role) and not runtime_role.exists(role)


@contextmanager
def _alone() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s)", [_LOCK])
        try:
            yield
        finally:
            cursor.execute("select pg_advisory_unlock(%s)", [_LOCK])


def _migrations_are_missing() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
