"""Calls over HTTP, with patience: what gets lost on the way is sent again, and nothing is done twice by that."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.auth import AuthBase

from arena_client.errors import ArenaError, BadAnswer, TooMany, Unanswered, error_of

PATIENCE_SECONDS = 300.0
"""How long a call is repeated while the platform does not answer, as during a restart."""
TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and to wait for each piece of the answer."""
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Errors that may go away by themselves."""
MOST_FAULTS = 3
"""Times that a call is repeated which the platform answers with a fault of its own (500)."""

_LENGTHS = {"content-length", "transfer-encoding"}

Wait = Callable[[str, float], None]
"""Called with the reason and the number of seconds; returns after that time."""


def sleep(reason: str, seconds: float) -> None:
    time.sleep(seconds)


@dataclass
class Patience:
    """Pauses that grow to a limit, until a time is up. One `Patience` a call."""

    wait: Wait = sleep
    total: float = PATIENCE_SECONDS
    first: float = 0.5
    longest: float = 15.0
    _next: float = field(init=False)
    _until: float = field(init=False)

    def __post_init__(self) -> None:
        self.progress()

    def progress(self) -> None:
        """Something went well: patience begins anew."""
        self._next = self.first
        self._until = time.monotonic() + self.total

    def pause(self, reason: str, at_least: float | None = None) -> bool:
        """Wait, then return True; return False at once where the time would be up."""
        seconds = max(self._next, at_least or 0.0)
        if time.monotonic() + seconds > self._until:
            return False
        # A little by chance: stations that lost the platform together do not all come back together.
        self.wait(reason, seconds * random.uniform(1.0, 1.25))  # noqa: S311
        self._next = min(2 * self._next, self.longest)
        return True


class _Bearer(AuthBase):
    """Set as authentication, not as a header: requests would let a ~/.netrc take a header's place."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class Transport:
    """Sends requests to one platform with one key."""

    def __init__(
        self,
        server: str,
        key: str,
        *,
        wait: Wait = sleep,
        patience: float = PATIENCE_SECONDS,
        timeout: float | None = None,
    ) -> None:
        self.server = _clean_server(server)
        self._wait = wait
        self._patience = patience
        self._timeout = (timeout, timeout) if timeout else TIMEOUT
        self._session = requests.Session()
        self._session.auth = _Bearer(key)
        self._session.headers["User-Agent"] = "arena-client"
        self._session.headers["Accept"] = "application/json"

    def close(self) -> None:
        self._session.close()

    def patience(self) -> Patience:
        return Patience(self._wait, self._patience)

    def url(self, path: str) -> str:
        """The address of a path of the API."""
        return f"{self.server}/{path}"

    def at(self, location: str) -> str:
        """The address that a `Location` names: always on our server, for the key goes nowhere else."""
        server, given = urlsplit(self.server), urlsplit(location)
        if not given.path.startswith("/"):
            raise BadAnswer("bad_answer", "The server's answer names no place where it put the file.")
        return urlunsplit((server.scheme, server.netloc, given.path, given.query, ""))

    def call(self, method: str, path: str, **request: Any) -> Any:
        """The JSON of an answer, asked for until it is there. A write carries a key that makes repeats harmless."""
        headers = dict(request.pop("headers", {}))
        if method not in ("GET", "HEAD"):
            headers.setdefault("Idempotency-Key", str(uuid.uuid4()))
        answer = self.insist(method, path, headers=headers, **request)
        if answer.status_code == 204:
            return None
        try:
            return answer.json()
        except ValueError:
            raise BadAnswer(
                "bad_answer", "The server's answer is no JSON.", hint="Is this the address of a Policy Arena?"
            ) from None

    def insist(self, method: str, path: str, *, needs: str = "", **request: Any) -> requests.Response:
        """An answer below 400, or the error of a refusal that waiting would not change.

        An answer that lacks the header that it `needs` was cut off on its way, and is asked for again.
        """
        patience, faults = self.patience(), 0
        while True:
            try:
                answer = self.send(method, path, **request)
                if answer.status_code < 400 and needs and needs not in answer.headers:
                    raise _cut_off()
            except Unanswered as error:
                if not patience.pause(error.message):
                    raise
                continue
            if answer.status_code < 400:
                return answer
            told = refusal(answer)
            faults += answer.status_code == 500
            if not is_passing(told) or faults > MOST_FAULTS:
                raise told
            if not patience.pause(told.message, at_least=_retry_after(answer)):
                raise told if isinstance(told, TooMany) else _unanswered(told)

    def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **request: Any
    ) -> requests.Response:
        """One attempt. Raises Unanswered where no answer came."""
        request.setdefault("timeout", self._timeout)
        url = path if path.startswith(("http://", "https://")) else self.url(path)
        try:
            # Redirects are not followed: requests would make a GET of a POST, and carry the key along.
            answer = self._session.request(method, url, headers=headers, allow_redirects=False, **request)
        except requests.exceptions.SSLError as error:
            raise ArenaError("bad_certificate", f"The server's certificate is not accepted: {error}.") from error
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise _bad_server(self.server) from error
        except requests.RequestException as error:
            said = f"No answer from {self.server} ({type(error).__name__})."
            raise Unanswered("unanswered", said, hint="Is the address right, and is the network there?") from error
        if 300 <= answer.status_code < 400:
            where = answer.headers.get("Location", "elsewhere")
            raise ArenaError("redirected", f"The server sends us to {where}.", hint="Give that as the server.")
        if method != "HEAD" and answer.status_code != 204 and not _LENGTHS & {name.lower() for name in answer.headers}:
            raise _cut_off()  # of headers that break off the library makes an answer all the same
        return answer


def _cut_off() -> Unanswered:
    return Unanswered("unanswered", "The answer was cut off on its way.", hint="Is the network there?")


def refusal(answer: requests.Response) -> ArenaError:
    try:
        body = answer.json()
    except ValueError:
        body = None
    return error_of(answer.status_code, body, retry_after=_retry_after(answer))


def is_passing(error: ArenaError) -> bool:
    if isinstance(error, TooMany):
        return error.retry_after is not None  # without it there are too many of something, not too many calls
    return error.status in PASSING or error.code == "idempotency_in_progress"


def _unanswered(error: ArenaError) -> Unanswered:
    return Unanswered(error.code, error.message, hint=error.hint, status=error.status)


def _retry_after(answer: requests.Response) -> float | None:
    """Seconds, which the header may also give as a date."""
    given = answer.headers.get("Retry-After", "").strip()
    if not given:
        return None
    if given.isdecimal():
        return float(given)
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _clean_server(server: str) -> str:
    parts = urlsplit(server.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or "@" in server:
        raise _bad_server(server)
    return server.strip().rstrip("/")


def _bad_server(server: str) -> ArenaError:
    return ArenaError("bad_server", f"{server!r} is no address of a server.", hint="It looks like https://HOST.")
