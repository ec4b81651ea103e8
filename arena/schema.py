"""The embedded database is ours to migrate, whenever a command finds that it lacks a table."""

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

_LOCK = 0x504F4C4943590001  # any number that nobody else locks


def migrate_where_needed() -> bool:
    """Apply the migrations that are missing, once however many processes ask; True where there were some."""
    if not _migrations_are_missing():
        return False
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s)", [_LOCK])
        try:
            call_command("migrate", verbosity=0, interactive=False)
        finally:
            cursor.execute("select pg_advisory_unlock(%s)", [_LOCK])
    return True


def _migrations_are_missing() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
