"""Background work.

A task can run twice, late or never: it takes ids, looks at the state, and a sweep finds what was missed.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from arena import notices
from arena.api import idempotency
from arena.jobs import Job, JobArgument, enqueue
from credits import grants
from evaluations import endpoints, media, reminders, sessions, uploads
from evaluations.desk import checks
from evaluations.requests import orders
from leaderboard import oddities, pair_evidence, pair_weights, snapshots
from leaderboard.boards import board_named
from reports import calls, digest, policy_reports, work
from reports.exports import exports
from reports.tagging import tagging
from reports.writing import writing
from workers import queues
from workers.celery import app

logger = logging.getLogger(__name__)

# When a worker last reported, by the queue that it takes from; kept for so long to say since when it does not.
HEARTBEAT_KEY = "worker-heartbeat:{}"
HEARTBEAT_TTL_S = 30 * 86400
# A job that was lost is asked for again after so long.
PENDING_S = 60
# The same for a piece of work: its line may be long. An emptied broker has forgotten this as well.
NUDGED_S = 600
# Boards that are computed within this time of each other are followed by one look for oddities.
LOOK_DELAY_S = 600


@app.task(name=Job.RECOMPUTE_BOARDS)
def recompute_boards() -> None:
    cache.delete(_pending_key(Job.RECOMPUTE_BOARDS))
    if snapshots.recompute_all(now=timezone.now()):
        pair_weights.write(now=timezone.now())
        pair_evidence.write(now=timezone.now())
        orders.end_decided(now=timezone.now())
        enqueue(Job.LOOK_FOR_ODDITIES)


@app.task(name=Job.RECOMPUTE_BOARD)
def recompute_board(board: str) -> None:
    cache.delete(_pending_key(Job.RECOMPUTE_BOARD, board))
    snapshots.recompute(board=board_named(board), now=timezone.now())


@app.task(name=Job.LOOK_FOR_ODDITIES)
def look_for_oddities() -> None:
    cache.delete(_pending_key(Job.LOOK_FOR_ODDITIES))
    oddities.write(now=timezone.now())


@app.task(name=Job.CHECK_MEDIA)
def check_media(side_id: int) -> None:
    media.check_side(side_id=side_id, now=timezone.now())


@app.task(name=Job.SEND_NOTICES)
def send_notices() -> None:
    notices.send_waiting(now=timezone.now())


@app.task(name=Job.GIVE_CREDITS)
def give_credits() -> None:
    """Welcomes and weekly grants that are due."""
    grants.give_due(now=timezone.now())


@app.task(name=Job.CHECK_POLICY)
def check_policy(check_id: str) -> None:
    checks.run(check_id=check_id, now=timezone.now())


@app.task(name=Job.TAG_SESSION)
def tag_session(work_id: str) -> None:
    _forget_nudge(Job.TAG_SESSION, work_id)
    tagging.do(work_id=work_id, now=timezone.now())


@app.task(name=Job.WRITE_REPORT)
def write_report(work_id: str) -> None:
    _forget_nudge(Job.WRITE_REPORT, work_id)
    writing.do(work_id=work_id, now=timezone.now())


@app.task(name=Job.MAKE_EXPORT)
def make_export(export_id: int) -> None:
    exports.make(export_id=export_id, now=timezone.now())


@app.task(name="find_exports")
def find_exports() -> None:
    """The day's export where something is new, and one that waits although nobody is at it."""
    exports.find(now=timezone.now())


@app.task(name="find_work")
def find_work() -> None:
    """Sessions without tags, and whatever waits although nobody is at it."""
    tagging.find(now=timezone.now())
    work.sweep(now=timezone.now())


@app.task(name="find_reports")
def find_reports() -> None:
    policy_reports.find(now=timezone.now())


@app.task(name="write_digests")
def write_digests() -> None:
    digest.write(now=timezone.now())


@app.task(name="recheck_policies")
def recheck_policies() -> None:
    """Checks whose nudge was lost, or whose worker died."""
    checks.enqueue_stale(now=timezone.now())


@app.task(name="end_requests")
def end_requests() -> None:
    orders.end_overdue(now=timezone.now())
    orders.end_decided(now=timezone.now())


@app.task(name="expire_sessions")
def expire_sessions() -> None:
    sessions.expire_overdue(now=timezone.now())
    sessions.reveal_overdue(now=timezone.now())
    reminders.warn_of_expiry(now=timezone.now())


@app.task(name="recheck_media")
def recheck_media() -> None:
    """Files whose nudge was lost, or whose check was cut short."""
    media.enqueue_stale(now=timezone.now())


@app.task(name="sweep_uploads")
def sweep_uploads() -> None:
    uploads.sweep(now=timezone.now())


@app.task(name="probe_endpoints")
def probe_endpoints() -> None:
    endpoints.check_due(now=timezone.now())


@app.task(name="sweep_api_writes")
def sweep_api_writes() -> None:
    """Answers that no client asks for again."""
    idempotency.sweep(now=timezone.now())


@app.task(name="sweep_model_answers")
def sweep_model_answers() -> None:
    calls.sweep(now=timezone.now())


@app.task(name="heartbeat")
def heartbeat(queue: str) -> None:
    """The worker that takes from this queue is at work."""
    cache.set(HEARTBEAT_KEY.format(queue), timezone.now().isoformat(), timeout=HEARTBEAT_TTL_S)


_TASKS: dict[Job, Any] = {
    Job.RECOMPUTE_BOARDS: recompute_boards,
    Job.RECOMPUTE_BOARD: recompute_board,
    Job.LOOK_FOR_ODDITIES: look_for_oddities,
    Job.CHECK_MEDIA: check_media,
    Job.SEND_NOTICES: send_notices,
    Job.GIVE_CREDITS: give_credits,
    Job.CHECK_POLICY: check_policy,
    Job.TAG_SESSION: tag_session,
    Job.WRITE_REPORT: write_report,
    Job.MAKE_EXPORT: make_export,
}


def dispatch(job: Job, arguments: dict[str, JobArgument]) -> None:
    """Send a job to the broker. One that cannot be sent is left to the sweep: what it should do is in the database."""
    try:
        _send[job](arguments) if job in _send else _TASKS[job].apply_async(kwargs=arguments, retry=False)
    except (OSError, RedisError, OperationalError) as error:
        logger.warning("the broker did not take %s (%s); the sweep will do it", job, type(error).__name__)


def _recompute_soon(arguments: dict[str, JobArgument]) -> None:
    """Results that arrive together are answered by one computation, a little after the first of them."""
    delay = settings.BOARD_DEBOUNCE.total_seconds()
    if cache.add(_pending_key(Job.RECOMPUTE_BOARDS), 1, timeout=delay + PENDING_S):
        recompute_boards.apply_async(countdown=delay, retry=False)


def _recompute_one(arguments: dict[str, JobArgument]) -> None:
    """Whoever asks for a board while its job waits in the queue waits for the same job."""
    if cache.add(_pending_key(Job.RECOMPUTE_BOARD, str(arguments["board"])), 1, timeout=PENDING_S):
        recompute_board.apply_async(kwargs=arguments, retry=False)


def _look_later(arguments: dict[str, JobArgument]) -> None:
    if cache.add(_pending_key(Job.LOOK_FOR_ODDITIES), 1, timeout=LOOK_DELAY_S + PENDING_S):
        look_for_oddities.apply_async(countdown=LOOK_DELAY_S, retry=False)


def _nudge_once(job: Job, arguments: dict[str, JobArgument]) -> None:
    """A piece whose nudge waits in the queue needs no second one, however often a sweep comes by."""
    work_id = str(arguments["work_id"])
    if cache.add(_pending_key(job, work_id), 1, timeout=NUDGED_S):
        try:
            _TASKS[job].apply_async(kwargs=arguments, retry=False)
        except BaseException:
            _forget_nudge(job, work_id)
            raise


def _forget_nudge(job: Job, work_id: str) -> None:
    with suppress(RedisError):  # it ends by itself
        cache.delete(_pending_key(job, work_id))


_send: dict[Job, Callable[[dict[str, JobArgument]], None]] = {
    Job.RECOMPUTE_BOARDS: _recompute_soon,
    Job.RECOMPUTE_BOARD: _recompute_one,
    Job.LOOK_FOR_ODDITIES: _look_later,
    Job.TAG_SESSION: partial(_nudge_once, Job.TAG_SESSION),
    Job.WRITE_REPORT: partial(_nudge_once, Job.WRITE_REPORT),
}


def _pending_key(job: Job, of: str = "") -> str:
    return f"pending:{job}:{of}"


# Each sweep is a task of its own, so that one which fails holds up no other.
app.conf.beat_schedule = {
    **{
        f"heartbeat-{queue}": {
            "task": "heartbeat",
            "args": (queue,),
            "schedule": 10.0,
            "options": {"expires": 10.0, "queue": queue},
        }
        for queue in (queues.OTHERS, queues.TAGGING)
    },
    "expire-sessions": {"task": "expire_sessions", "schedule": 30.0, "options": {"expires": 30.0}},
    "recheck-media": {"task": "recheck_media", "schedule": 60.0, "options": {"expires": 60.0}},
    "recompute-boards": {"task": Job.RECOMPUTE_BOARDS, "schedule": 60.0, "options": {"expires": 60.0}},
    "send-notices": {"task": Job.SEND_NOTICES, "schedule": 60.0, "options": {"expires": 60.0}},
    "recheck-policies": {"task": "recheck_policies", "schedule": 60.0, "options": {"expires": 60.0}},
    "find-work": {"task": "find_work", "schedule": 20.0, "options": {"expires": 20.0}},
    "find-reports": {"task": "find_reports", "schedule": 120.0, "options": {"expires": 120.0}},
    "write-digests": {"task": "write_digests", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "find-exports": {"task": "find_exports", "schedule": 600.0, "options": {"expires": 600.0}},
    "end-requests": {"task": "end_requests", "schedule": 60.0, "options": {"expires": 60.0}},
    "give-credits": {"task": Job.GIVE_CREDITS, "schedule": 600.0, "options": {"expires": 600.0}},
    "sweep-uploads": {"task": "sweep_uploads", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "look-for-oddities": {"task": Job.LOOK_FOR_ODDITIES, "schedule": 3600.0, "options": {"expires": 3600.0}},
    "sweep-api-writes": {"task": "sweep_api_writes", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "sweep-model-answers": {"task": "sweep_model_answers", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "probe-endpoints": {"task": "probe_endpoints", "schedule": 60.0, "options": {"expires": 60.0}},
}
