"""Which job waits in which queue, and which worker takes from it.

Two workers share the work, so that neither kind holds up the other: one computes (boards, videos, sweeps) in processes,
one waits for models in threads.
"""

from arena.jobs import Job

MEDIA, RANKING, TAGGING, REPORTS = "media", "ranking", "tagging", "reports"
OTHERS = "celery"
"""Celery's own name for what is sent nowhere else."""

QUEUE_OF = {
    Job.CHECK_MEDIA: MEDIA,
    Job.RECOMPUTE_BOARDS: RANKING,
    Job.RECOMPUTE_BOARD: RANKING,
    Job.LOOK_FOR_ODDITIES: RANKING,
    Job.TAG_SESSION: TAGGING,
    Job.WRITE_REPORT: REPORTS,
}
OF_COMPUTING = (OTHERS, MEDIA, RANKING)
OF_MODELS = (TAGGING, REPORTS)
