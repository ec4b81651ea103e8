"""Imported by Celery's worker: its pool processes leave the processor to pages, and do not outlive a killed worker."""

import os
import signal
from typing import Any

from celery.signals import worker_process_init

from arena.embedded.children import end_with_parent

NICENESS = 10
"""A video that is checked can wait; whoever looks at a page should not."""


@worker_process_init.connect  # type: ignore[untyped-decorator]
def end_with_worker(**_: Any) -> None:
    os.nice(NICENESS)
    end_with_parent(signal.SIGKILL)
