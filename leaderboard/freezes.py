"""Stewards freeze a board and publish it again, each time with a reason that everybody reads.

A frozen board keeps its last snapshot. Boards that ask further of an overall one answer from its last input, so that
freezing it holds them, too.
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from arena import audit
from arena.errors import AccessDenied, Conflict, NotFound
from arena.jobs import Job, enqueue
from arena.models import Person
from arena.texts import clean_text
from leaderboard import snapshots
from leaderboard.boards import Board, board_named
from leaderboard.models import Freeze, Snapshot

LONGEST_REASON = 500


@transaction.atomic
def freeze(*, board: Board, reason: str, by: Person, now: datetime) -> Freeze:
    reason = _cleaned(reason, by)
    snapshots.hold(board)
    if not Snapshot.objects.filter(board=board.slug).exists():
        raise Conflict("snapshot_unknown", "This board has no snapshot that it could keep.")
    try:
        with transaction.atomic():
            made = Freeze.objects.create(board=board.slug, reason=reason, frozen_by=by, frozen_at=now)
    except IntegrityError:
        raise Conflict("board_frozen", "This board is frozen already.") from None
    audit.record("board:frozen", subject=f"board:{board.slug}", person=by, reason=reason)
    return made


@transaction.atomic
def publish(*, freeze_id: int, reason: str, by: Person, now: datetime) -> Freeze:
    """New results from now on. A repeat is answered with the first outcome."""
    reason = _cleaned(reason, by)
    found = Freeze.objects.select_for_update(of=("self",)).filter(pk=freeze_id).first()
    if found is None:
        raise NotFound("freeze_unknown", "This board was not frozen.")
    if found.published_at is not None:
        return found
    found.published_by, found.published_at, found.published_because = by, now, reason
    found.save(update_fields=["published_by", "published_at", "published_because"])
    audit.record("board:published", subject=f"board:{found.board}", person=by, reason=reason)
    board = board_named(found.board)
    if board.is_overall:
        enqueue(Job.RECOMPUTE_BOARDS)
    else:
        snapshots.ask(board=board, now=now)
    return found


def of(board: Board) -> Freeze | None:
    """What holds the board: its own freeze, or that of the overall board behind it."""
    found = {one.board: one for one in Freeze.objects.living().filter(board__in=[board.slug, board.scope.slug])}
    return found.get(board.slug) or found.get(board.scope.slug)


def times_of(board: Board) -> QuerySet[Freeze]:
    """When the board, or the overall one behind it, was frozen and is published again; the latest first."""
    return past().filter(board__in=[board.slug, board.scope.slug])


def living() -> QuerySet[Freeze]:
    return Freeze.objects.living().select_related("frozen_by").order_by("frozen_at")


def past() -> QuerySet[Freeze]:
    ended = Freeze.objects.exclude(published_at=None)
    return ended.select_related("frozen_by", "published_by").order_by("-published_at")


def may_be_frozen() -> list[str]:
    """The slugs of the boards that have an answer, the overall ones first."""
    frozen = Freeze.objects.living().values("board")
    slugs = Snapshot.objects.order_by().exclude(board__in=frozen).values_list("board", flat=True).distinct()
    return sorted(slugs, key=lambda slug: ("." in slug, slug))


def _cleaned(reason: str, by: Person) -> str:
    if not by.is_staff:
        raise AccessDenied("not_a_steward", "Only a steward freezes and publishes boards.")
    return clean_text(reason, field="reason", longest=LONGEST_REASON, required=True)
