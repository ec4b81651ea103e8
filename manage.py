#!/usr/bin/env python
"""Every command works by itself: servers that the environment does not name are started under ARENA_HOME."""

import os
import sys

_INTERRUPTED = 130  # as shells call it: ended by Ctrl-C


def main(arguments: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "arena.config.settings")
    if arguments[:1] == ["demo"]:
        if not os.environ.get("ARENA_HOME"):
            os.environ["ARENA_HOME"] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "var", "demo")
        os.environ["ARENA_DEMO"] = "1"
    from arena.config.env import ConfigurationError
    from arena.embedded import ServicesError
    from arena.embedded.commands import attach_for_command, needs_tables

    try:
        attached = attach_for_command(arguments)
    except ServicesError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    try:
        if "postgresql" in attached.names and needs_tables(arguments):
            _migrate()
        from django.core.management import execute_from_command_line

        execute_from_command_line([sys.argv[0], *arguments])
    except ConfigurationError as error:
        sys.exit(f"{error}.")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    finally:
        attached.leave()


def _migrate() -> None:
    import django

    django.setup()
    from arena.schema import migrate_where_needed

    migrate_where_needed()


if __name__ == "__main__":
    main(sys.argv[1:])
