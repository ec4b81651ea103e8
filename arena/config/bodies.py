"""Request bodies that stop coming. gunicorn's threads would wait for them for ever."""

from collections.abc import Callable, Iterable
from typing import Any

# Also the time that a client has to take each piece of an answer.
IDLE_S = 60.0


class PatientWithBodies:
    """WSGI middleware: a client that sends nothing of its body for IDLE_S loses its connection."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        connection = environ.get("gunicorn.socket")
        if connection is not None:
            connection.settimeout(IDLE_S)
        return self._application(environ, start_response)
