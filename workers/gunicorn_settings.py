"""How gunicorn serves the pages. The address comes from the command line."""

import signal
from typing import Any

from arena.embedded.children import end_with_parent

wsgi_app = "arena.config.wsgi"
worker_class = "gthread"
workers = 2
threads = 32  # an upload over a slow line keeps one busy for as long as it takes: see UPLOADS_AT_ONCE
timeout = 60
graceful_timeout = 5
control_socket_disable = True
accesslog = None  # an older client sends its access code in the address


def post_fork(server: Any, worker: Any) -> None:
    """A busy worker would outlive a killed master, and keep the port."""
    end_with_parent(signal.SIGKILL)
