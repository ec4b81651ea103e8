"""The Celery application, its tasks and schedule, and the commands that run the whole platform."""
