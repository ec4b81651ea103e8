"""The Celery application. State lives in our own tables: no result back end."""

import os

from celery import Celery

from workers.queues import QUEUE_OF

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "arena.config.settings")

app = Celery("workers")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_routes = {job.value: {"queue": queue} for job, queue in QUEUE_OF.items()}
