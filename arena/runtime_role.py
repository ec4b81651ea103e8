"""What the platform's database role may do: read and add everything, and rewrite nothing that is only ever added to.

The tables belong to another role, the owner, which runs the migrations. The rights follow from the models: what a
trigger forbids whatever the row holds, the runtime role is not even allowed to try. It cannot switch triggers off, for
only an owner can, and it makes no table, function or trigger of its own, not even a temporary one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pgtrigger
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model
from django.db.utils import DatabaseError

from arena.errors import ArenaError, Conflict, NotFound
from arena.models import AuditEvent

# Read by whoever starts the platform, written by migrations alone.
_READ_ONLY = frozenset({"django_migrations"})
_NEVER = ("TRUNCATE", "TRIGGER", "REFERENCES")
_PARTS_NAMED = 5

Right = tuple[str, str, str]
"""A privilege, what it is for, and its column where it is for one."""


@dataclass(frozen=True)
class Rights:
    """What may be done to the rows of one table beside reading and adding them."""

    delete: bool
    fixed: frozenset[str]
    """Columns that may not be updated."""


def rights_of(model: type[Model]) -> Rights:
    """Append-only models have triggers that forbid each update and delete; others forbid some columns, or deleting."""
    delete, fixed = True, set[str]()
    columns = {field.name: str(field.column) for field in model._meta.concrete_fields}
    for trigger in getattr(model._meta, "triggers", []):
        if isinstance(trigger, pgtrigger.ReadOnly):
            fixed |= {columns[name] for name in trigger.fields or []}
        elif isinstance(trigger, pgtrigger.Protect) and trigger.condition is None:
            operations = list(trigger.operation or [])
            delete = delete and pgtrigger.Delete not in operations
            fixed |= set(columns.values()) if pgtrigger.Update in operations else set()
    return Rights(delete=delete, fixed=frozenset(fixed))


def append_only_tables() -> list[str]:
    """The tables whose rows can be read and added, and nothing else."""
    return sorted(
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        for rights in [rights_of(model)]
        if not rights.delete and len(rights.fixed) == len(model._meta.concrete_fields)
    )


def grant(role: str) -> list[str]:
    """Give an existing role exactly these rights on the tables as they are now. To be called as their owner.

    Returns in what its rights differ all the same: it may have some by way of the database or of another role.
    """
    _require_fit(role)
    name = connection.ops.quote_name(role)
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in _statements(name):
            cursor.execute(statement)
        _keep_triggers_on()
    return differences(role)


def renew() -> list[str]:
    """Give every runtime role its rights anew, as after a migration. Returns their names; none where we own nothing."""
    roles = runtime_roles()
    for role in roles:
        grant(role)
    return roles


def runtime_roles() -> list[str]:
    """Those that were given rights before, and the one that the platform connects as. Only an owner is told any."""
    if not _owns_tables(_current_role()):
        return []
    with connection.cursor() as cursor:
        cursor.execute(_GRANTED, [AuditEvent._meta.db_table])
        roles = {name for (name,) in cursor.fetchall()}
    configured = configured_role()
    if configured and exists(configured) and not _owns_tables(configured):
        roles.add(configured)
    return sorted(roles)


def is_settled() -> bool:
    return not any(differences(role) for role in runtime_roles())


def configured_role() -> str:
    """The role of DATABASE_URL; empty where it names none."""
    return str(settings.DATABASES["default"].get("USER") or "")


def make(role: str) -> None:
    """A role that may sign in, and nothing else yet; one that exists is left as it is."""
    if not exists(role):
        with connection.cursor() as cursor:
            name = connection.ops.quote_name(role)
            cursor.execute(f"CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS")


def warnings() -> Iterator[str]:
    """What stands against the role that the platform connects as, a sentence each. Nothing before there are tables."""
    if not _has_tables():
        return
    role = configured_role() or _current_role()
    if not exists(role):
        return
    if _owns_tables(role):
        yield f"The platform's database role {role} owns its tables: it could rewrite the audit trail."
    elif wrong := [one for one in differences(role) if one.startswith("may ")]:
        yield f"The platform's database role {role} {in_a_sentence(wrong)}."


def in_a_sentence(wrong: list[str]) -> str:
    more = [f"and {len(wrong) - _PARTS_NAMED} things more"] if len(wrong) > _PARTS_NAMED else []
    return ", ".join([*wrong[:_PARTS_NAMED], *more])


def differences(role: str) -> list[str]:
    """What the role may do and should not (`may …`), and what it should and may not (`lacks …`), by whatever way."""
    wanted, found = set(_wanted()), set(_found(role))
    excess = [f"may {_said(right)}" for right in sorted(found - wanted)]
    return [*excess, *(f"lacks {_said(right)}" for right in sorted(wanted - found))]


def _said(right: Right) -> str:
    privilege, on, column = right
    return f"{privilege} {on}.{column}" if column else f"{privilege} {on}"


def _require_fit(role: str) -> None:
    if not _owns_tables(_current_role()):
        raise Conflict(
            "not_the_owner", "Only the owner of the tables can give rights.", hint="Set MIGRATION_DATABASE_URL to it."
        )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls OR NOT rolcanlogin"
            " FROM pg_catalog.pg_roles WHERE rolname = %s",
            [role],
        )
        row = cursor.fetchone()
    if row is None:
        raise NotFound("role_unknown", f"The database has no role {role}.", hint="CREATE ROLE … LOGIN PASSWORD '…'")
    if row[0] or _owns_tables(role):
        raise ArenaError(
            "role_too_strong",
            f"The role {role} cannot sign in, owns the tables, or is a superuser or maker of roles or databases.",
            hint="Take another role, which may LOGIN and nothing else.",
        )


def _statements(role: str) -> Iterator[str]:
    quote = connection.ops.quote_name
    tables = _columns()
    schema, database = quote(_one("SELECT current_schema()")), quote(_one("SELECT current_database()"))
    # Whoever may make a table, even a temporary one, can put it before ours in the eyes of a trigger.
    yield f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role}"
    yield f"REVOKE CREATE, TEMPORARY ON DATABASE {database} FROM PUBLIC, {role}"
    yield f"GRANT CONNECT ON DATABASE {database} TO {role}"
    yield f"GRANT USAGE ON SCHEMA {schema} TO {role}"
    for table in tables:
        yield f"REVOKE ALL ON TABLE {schema}.{quote(table)} FROM PUBLIC, {role}"
    for sequence in _sequences():
        yield f"REVOKE ALL ON SEQUENCE {schema}.{quote(sequence)} FROM PUBLIC, {role}"
        yield f"GRANT USAGE ON SEQUENCE {schema}.{quote(sequence)} TO {role}"
    wanted = list(_wanted())
    for table, columns in tables.items():
        chosen = [column for privilege, on, column in wanted if on == table and privilege == "UPDATE"]
        given = [privilege for privilege, on, column in wanted if on == table and not column]
        if chosen:
            listed = "" if len(chosen) == len(columns) else f" ({', '.join(map(quote, chosen))})"
            given.append(f"UPDATE{listed}")
        if given:
            yield f"GRANT {', '.join(given)} ON TABLE {schema}.{quote(table)} TO {role}"


def _wanted() -> Iterator[Right]:
    models = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    for table, columns in _columns().items():
        if table in _READ_ONLY:
            yield "SELECT", table, ""
        elif table in models:
            rights = rights_of(models[table])
            yield from (("SELECT", table, ""), ("INSERT", table, ""))
            yield from [("DELETE", table, "")] if rights.delete else []
            yield from (("UPDATE", table, column) for column in columns if column not in rights.fixed)
    yield from (("USAGE", sequence, "") for sequence in _sequences())


def _found(role: str) -> list[Right]:
    """By whatever way: given to it, to PUBLIC, or to a role that it belongs to."""
    with connection.cursor() as cursor:
        cursor.execute(_EFFECTIVE, {"role": role, "privileges": ["SELECT", "INSERT", "DELETE", *_NEVER]})
        found: list[Right] = cursor.fetchall()
    return found


def _columns() -> dict[str, list[str]]:
    """The columns of each table of our schema that the current role owns."""
    with connection.cursor() as cursor:
        cursor.execute(_OWNED_COLUMNS)
        return dict(cursor.fetchall())


def _sequences() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_catalog.pg_class"
            " WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace ORDER BY relname"
        )
        return [name for (name,) in cursor.fetchall()]


def _keep_triggers_on() -> None:
    """django-pgtrigger lets any session skip its triggers by a setting. From now on only the tables' owner may."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regprocedure('public._pgtrigger_should_ignore(name)') IS NOT NULL")
        if cursor.fetchone() == (True,):
            cursor.execute(_OWNER_MAY_IGNORE)


def _has_tables() -> bool:
    return bool(_one("SELECT to_regclass(%s) IS NOT NULL", AuditEvent._meta.db_table))


def _owns_tables(role: str) -> bool:
    """Whether the role is their owner, belongs to it, or is a superuser."""
    try:
        with transaction.atomic():
            return bool(
                _one(
                    "SELECT pg_has_role(%s, relowner, 'MEMBER') FROM pg_catalog.pg_class WHERE oid = to_regclass(%s)",
                    role,
                    AuditEvent._meta.db_table,
                )
            )
    except DatabaseError:  # no such role
        return False


def exists(role: str) -> bool:
    return bool(_one("SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = %s)", role))


def _current_role() -> str:
    return _one("SELECT current_user")


def _one(question: str, *parameters: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(question, parameters)
        row = cursor.fetchone()
    return row[0] if row else ""


_GRANTED = """
    SELECT DISTINCT pg_catalog.pg_get_userbyid(given.grantee)
    FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) given
    WHERE c.oid = to_regclass(%s) AND given.privilege_type = 'INSERT' AND given.grantee NOT IN (0, c.relowner)
"""

_OWNED_COLUMNS = """
    SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
        AND a.attnum > 0 AND NOT a.attisdropped
    GROUP BY c.relname ORDER BY c.relname
"""

_EFFECTIVE = """
    WITH ours AS (
        SELECT oid, relname::text AS name, relkind FROM pg_catalog.pg_class
        WHERE relnamespace = current_schema()::regnamespace
    )
    SELECT privilege, name, '' FROM ours, unnest(%(privileges)s::text[]) AS privilege
        WHERE relkind IN ('r', 'p') AND has_table_privilege(%(role)s, oid, privilege)
    UNION ALL
    SELECT 'UPDATE', name, attname::text FROM ours JOIN pg_catalog.pg_attribute ON attrelid = oid
        WHERE relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
            AND has_column_privilege(%(role)s, oid, attnum, 'UPDATE')
    UNION ALL
    SELECT privilege, name, '' FROM ours, unnest(ARRAY['USAGE', 'UPDATE']) AS privilege
        WHERE relkind = 'S' AND has_sequence_privilege(%(role)s, oid, privilege)
    UNION ALL
    SELECT 'CREATE', 'tables', '' WHERE has_schema_privilege(%(role)s, current_schema(), 'CREATE')
    UNION ALL
    SELECT 'CREATE', 'schemas', '' WHERE has_database_privilege(%(role)s, current_database(), 'CREATE')
    UNION ALL
    SELECT 'CREATE', 'temporary tables', '' WHERE has_database_privilege(%(role)s, current_database(), 'TEMPORARY')
    UNION ALL
    SELECT 'SET', 'session_replication_role', ''
        WHERE has_parameter_privilege(%(role)s, 'session_replication_role', 'SET')
"""

_OWNER_MAY_IGNORE = """
    CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name NAME) RETURNS BOOLEAN AS $$
        DECLARE
            _ignored TEXT := nullif(current_setting('pgtrigger.ignore', true), '');
        BEGIN
            IF _ignored IS NULL THEN
                RETURN FALSE;
            END IF;
            RETURN trigger_name = ANY(_ignored::TEXT[]) AND pg_catalog.pg_has_role(
                current_user,
                (SELECT proowner FROM pg_catalog.pg_proc
                    WHERE oid = 'public._pgtrigger_should_ignore(name)'::pg_catalog.regprocedure),
                'MEMBER'
            );
        END;
    $$ LANGUAGE plpgsql
"""
