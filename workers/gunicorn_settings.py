"""How gunicorn serves the pages. The address comes from the command line."""

import ctypes
import signal
from contextlib import suppress
from typing import Any

from gunicorn.http.unreader import SocketUnreader  # type: ignore[import-untyped]

from arena.embedded.children import end_with_parent

# From glibc's malloc.h.
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

wsgi_app = "arena.config.wsgi"
worker_class = "gthread"
workers = 2
threads = 32  # an upload over a slow line keeps one busy for as long as it takes: see UPLOADS_AT_ONCE
timeout = 60
graceful_timeout = 5
control_socket_disable = True
# Bodies are read in pieces of this size, so that many uploads at once take little memory.
SocketUnreader.max_body_chunk = 256 * 1024
accesslog = None  # an older client sends its access code in the address


def post_fork(server: Any, worker: Any) -> None:
    """A busy worker would outlive a killed master, and keep the port."""
    end_with_parent(signal.SIGKILL)
    _give_freed_memory_back()


def _give_freed_memory_back() -> None:
    """Each of many threads would keep what its last upload had in memory. Only glibc has these switches."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, 128 * 1024)
