"""Imported by Celery's worker: a pool process that is in the middle of a task does not outlive a killed worker."""

import signal
from typing import Any

from celery.signals import worker_process_init

from arena.embedded.children import end_with_parent


@worker_process_init.connect  # type: ignore[untyped-decorator]
def end_with_worker(**_: Any) -> None:
    end_with_parent(signal.SIGKILL)
