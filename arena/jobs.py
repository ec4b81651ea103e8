"""Background work asked for by name. Only `workers` knows what carries it out, and installs itself here.

A job is a nudge: the rows in the database say what is to be done, and a sweep finds what a lost nudge missed.
"""

from collections.abc import Callable
from enum import StrEnum

from django.db import transaction

JobArgument = str | int


class Job(StrEnum):
    RECOMPUTE_BOARDS = "recompute_boards"
    RECOMPUTE_BOARD = "recompute_board"
    LOOK_FOR_ODDITIES = "look_for_oddities"
    CHECK_MEDIA = "check_media"
    SEND_NOTICES = "send_notices"
    GIVE_CREDITS = "give_credits"
    CHECK_POLICY = "check_policy"
    TAG_SESSION = "tag_session"
    WRITE_REPORT = "write_report"
    MAKE_EXPORT = "make_export"


Dispatcher = Callable[[Job, dict[str, JobArgument]], None]

_dispatcher: Dispatcher | None = None


def install_dispatcher(dispatcher: Dispatcher) -> None:
    global _dispatcher
    _dispatcher = dispatcher


def enqueue(job: Job, **arguments: JobArgument) -> None:
    """Ask for `job` once the surrounding transaction has committed; at once where there is none."""
    if _dispatcher is None:
        return
    dispatch = _dispatcher
    transaction.on_commit(lambda: dispatch(job, arguments), robust=True)
