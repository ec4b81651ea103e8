from typing import Any

from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS

from arena.schema import as_owner, renew_rights


class Command(migrate.Command):
    """Django's own, as the owner of the tables. The platform's role gets its rights on what is new."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        if options["database"] != DEFAULT_DB_ALIAS:
            return super().execute(*args, **options)
        with as_owner():
            said = super().execute(*args, **options)
            if not options["plan"] and not options["check_unapplied"]:
                renew_rights()
            return said
