"""The platform's API, as far as stations and owners of policies need it. Each call is repeated until it is answered."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from arena_client.answers import (
    Draft,
    Episode,
    Lease,
    Live,
    Me,
    Media,
    PendingUpload,
    Photo,
    PolicyVersion,
    ProtocolCheck,
    Rubric,
    Session,
    Stage,
    StationInfo,
)
from arena_client.decoding import decode
from arena_client.errors import ArenaError, BadAnswer
from arena_client.keys import find_key
from arena_client.transport import PATIENCE_SECONDS, Transport, Wait, sleep
from arena_client.uploads import Progress, Uploader, silent

SERVER_VARIABLE = "ARENA_SERVER"
MOST_PAGES = 100
PAGE_SIZE = 200

T = TypeVar("T")


class Client:
    """One person at one platform. The key is found as `arena_client.keys` says where it is not given."""

    def __init__(
        self,
        server: str | None = None,
        api_key: str | None = None,
        *,
        wait: Wait = sleep,
        patience: float = PATIENCE_SECONDS,
        timeout: float | None = None,
    ) -> None:
        server = server or os.environ.get(SERVER_VARIABLE)
        if not server:
            raise ArenaError(
                "no_server", "Which server?", hint=f"Give its address, or set {SERVER_VARIABLE}: https://HOST."
            )
        self._transport = Transport(server, find_key(api_key), wait=wait, patience=patience, timeout=timeout)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    @property
    def server(self) -> str:
        return self._transport.server

    def page(self, session_id: str) -> str:
        """Where the session is judged in a browser."""
        return f"{self.server}/evaluate/{session_id}"

    def me(self) -> Me:
        return self._get(Me, "me")

    def stations(self, lab: str | None = None) -> list[StationInfo]:
        """The stations of a lab; without one, of all your labs that the key opens."""
        labs = [lab] if lab else self._labs()
        return [station for slug in labs for station in self._list(StationInfo, f"labs/{slug}/stations")]

    def _labs(self) -> list[str]:
        me = self.me()
        return [me.key.lab] if me.key else [lab.slug for lab in me.labs]

    def rubric(self, instruction: str) -> Rubric:
        """The scale that the instruction suggests."""
        return self._get(Rubric, "rubric", instruction=instruction)

    def open_session(
        self,
        station: int,
        instruction: str,
        *,
        rubric: Sequence[Stage] | None = None,
        training: bool | None = None,
    ) -> Session:
        """Fix the task and draw a pair. The same task again, before anything ran, is the same session."""
        asked: dict[str, Any] = {"station": station, "instruction": instruction}
        if rubric is not None:
            asked["rubric"] = [asdict(stage) for stage in rubric]
        if training is not None:
            asked["training"] = training
        return self._post(Session, "sessions", asked)

    def session(self, session_id: str) -> Session:
        return self._get(Session, f"sessions/{session_id}")

    def sessions(self, *, only_open: bool = False, station: int | None = None, **filters: Any) -> list[Session]:
        """Your own, the newest first."""
        asked = {"open": "true" if only_open else None, "station": station, **filters}
        return list(self._list(Session, "sessions", **asked))

    def live(self, session_id: str) -> Live:
        return self._get(Live, f"sessions/{session_id}/live")

    def save_draft(self, session_id: str, revision: int, changes: Mapping[str, Any]) -> Draft:
        """Keep what was entered so far. Raises DraftChanged where it was changed elsewhere since `revision`."""
        body = {"revision": revision, "changes": dict(changes)}
        return decode(Draft, self._transport.call("PATCH", _path(f"sessions/{session_id}/draft"), json=body))

    def record_episode(
        self,
        session_id: str,
        side: str,
        *,
        progress: float,
        success: bool,
        failure_modes: Iterable[str] = (),
        recovered: bool | None = None,
        duration_steps: int | None = None,
    ) -> Episode:
        """Score a side; progress is 0 to 1. The first score stands."""
        body: dict[str, Any] = {"progress": progress, "success": success, "failure_modes": list(failure_modes)}
        more = {"recovered": recovered, "duration_steps": duration_steps}
        body |= {name: value for name, value in more.items() if value is not None}
        return self._post(Episode, f"sessions/{session_id}/episodes/{side}", body)

    def upload(self, session_id: str, side: str, kind: str, file: str | Path, *, progress: Progress = silent) -> Media:
        """Send a file of a side: `kind` is a camera or `trajectory`. What has arrived already is not sent again."""
        return Uploader(self, self._transport).upload(session_id, side, kind, Path(file), progress)

    def uploads(self, session_id: str) -> list[PendingUpload]:
        """Your uploads of this session that were begun and not finished."""
        return list(self._list(PendingUpload, "uploads", session=session_id))

    def withdraw(self, session_id: str, media_id: int | str) -> None:
        """Take a file of an open session away again."""
        self._transport.call("DELETE", _path(f"sessions/{session_id}/media/{media_id}"))

    def keep_photo(self, session_id: str, moment: str, photo: str | Path | bytes) -> Photo:
        """A picture of the scene at the `start`, or when it was `restored` for side B."""
        content = photo if isinstance(photo, bytes) else Path(photo).read_bytes()
        files = {"photo": ("photo", content, "application/octet-stream")}
        path = _path(f"sessions/{session_id}/photos")
        return decode(Photo, self._transport.call("POST", path, data={"moment": moment}, files=files))

    def submit(
        self,
        session_id: str,
        *,
        preference: str | None = None,
        notes: str | None = None,
        valid: bool | None = None,
        invalid_reason: str | None = None,
        invalid_comment: str | None = None,
        ask_guess: bool = False,
    ) -> Session:
        """Judge the session; with `ask_guess` it stays veiled until `guess`."""
        given = {
            "preference": preference,
            "notes": notes,
            "valid": valid,
            "invalid_reason": invalid_reason,
            "invalid_comment": invalid_comment,
        }
        body = {name: value for name, value in given.items() if value is not None}
        return self._post(Session, f"sessions/{session_id}/submit", {**body, "ask_guess": ask_guess})

    def guess(self, session_id: str, *, policy_a: str | None = None, policy_b: str | None = None) -> Session:
        """Say which policies these were, by slug, before they are named."""
        given = {"policy_a": policy_a, "policy_b": policy_b}
        body = {name: value for name, value in given.items() if value is not None}
        return self._post(Session, f"sessions/{session_id}/guess", body)

    def abandon(self, session_id: str, *, reason: str, comment: str = "") -> Session:
        """Give an open session up and say why."""
        return self._post(Session, f"sessions/{session_id}/abandon", {"reason": reason, "comment": comment})

    def extend(self, session_id: str) -> datetime | None:
        """Ask for more time: until when the session is now kept open."""
        return self._post(Lease, f"sessions/{session_id}/extend", {}).lease_expires_at

    # For the owners of policies, with the scope `own`. A version is SLUG@VERSION.

    def check(self, version: str) -> ProtocolCheck:
        """Have the version's server checked. A check that waits or runs already is it."""
        return self._post(ProtocolCheck, f"versions/{version}/checks", {})

    def check_found(self, version: str, check_id: str) -> ProtocolCheck:
        return self._get(ProtocolCheck, f"versions/{version}/checks/{check_id}")

    def pause(self, version: str) -> PolicyVersion:
        """It is dealt to nobody until it is resumed."""
        return self._post(PolicyVersion, f"versions/{version}/pause", {})

    def resume(self, version: str) -> PolicyVersion:
        return self._post(PolicyVersion, f"versions/{version}/resume", {})

    def results(self, policy: str) -> Iterator[dict[str, Any]]:
        """Every published session of a policy of yours, by its slug, the oldest first: a row for each of its sides."""
        return self._list(dict[str, Any], f"policies/{policy}/results")

    def _get(self, kind: type[T], path: str, **params: Any) -> T:
        return decode(kind, self._transport.call("GET", _path(path), params=_given(params)))

    def _post(self, kind: type[T], path: str, body: Mapping[str, Any]) -> T:
        return decode(kind, self._transport.call("POST", _path(path), json=dict(body)))

    def _list(self, kind: type[T], path: str, **params: Any) -> Iterator[T]:
        """All pages of a list."""
        for number in range(1, MOST_PAGES + 1):
            answer = self._transport.call(
                "GET", _path(path), params={**_given(params), "page": number, "page_size": PAGE_SIZE}
            )
            if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
                raise BadAnswer("bad_answer", f"The server's answer to {path} is no list.")
            yield from (decode(kind, row, at=path) for row in answer["results"])
            if not answer.get("next"):
                return


def _path(path: str) -> str:
    return f"api/v1/{path}"


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}
