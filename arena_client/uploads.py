"""Files by tus 1.0: in pieces, each kept by the platform as it arrives, so that nothing is ever sent twice for long."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

import requests

from arena_client.answers import Media
from arena_client.errors import ArenaError, BadAnswer, Conflict, Unanswered
from arena_client.transport import Patience, Transport, is_passing, refusal

if TYPE_CHECKING:
    from arena_client.client import Client

PIECE = 4 * 1024 * 1024
PIECE_TIMEOUT = (10.0, 120.0)
MOST_BEGINNINGS = 3
GONE = (404, 410)
OUT_OF_STEP = (409, 423)
"""The platform has another offset than we thought, or is still writing an earlier piece."""

Progress = Callable[[int, int], None]
"""Called with the bytes that have arrived and the bytes of the file."""


def silent(sent: int, total: int) -> None:
    """Nobody watches this upload."""


class _Gone(Exception):
    """The platform knows this upload no more: it is finished, or was taken away."""


class Uploader:
    def __init__(self, client: Client, transport: Transport) -> None:
        self._client = client
        self._transport = transport

    def upload(self, session_id: str, side: str, kind: str, file: Path, progress: Progress) -> Media:
        """Bring a file to a side. Raises Conflict where the side has another file of this kind."""
        with file.open("rb") as opened:
            digest, size = _sha256(opened), opened.seek(0, 2)
            if not size:
                raise ArenaError("empty_file", f"{file.name} is empty.")
            told = {"session": session_id, "side": side, "kind": kind, "filename": file.name, "fingerprint": digest}
            for _ in range(MOST_BEGINNINGS):
                arrived = self._arrived(session_id, side, kind)
                if arrived is not None:
                    progress(size, size)
                    return _same(arrived, digest, side)
                try:
                    self._send(self._place(told, size), opened, size, progress)
                except _Gone:
                    continue
                return self._finished(session_id, side, kind, digest)
        raise ArenaError("upload_lost", f"The platform lost {file.name} again and again.", hint="Try again later.")

    def _arrived(self, session_id: str, side: str, kind: str) -> Media | None:
        files = self._client.session(session_id).sides[side].media
        return next((media for media in files if media.kind == kind), None)

    def _place(self, told: dict[str, str], size: int) -> str:
        """Where the file goes. Announced again, by its fingerprint, it keeps the place that it has."""
        answer = self._transport.insist(
            "POST",
            "api/v1/uploads",
            needs="Location",
            headers={
                "Tus-Resumable": "1.0.0",
                "Upload-Length": str(size),
                "Upload-Metadata": ",".join(f"{name} {_base64(value)}" for name, value in told.items()),
            },
        )
        return self._transport.at(answer.headers.get("Location", ""))

    def _send(self, location: str, file: IO[bytes], size: int, progress: Progress) -> None:
        patience = self._transport.patience()
        offset = self._offset(location)
        while True:
            progress(offset, size)
            if offset >= size:
                return
            file.seek(offset)
            reached = self._piece(location, offset, file.read(PIECE), patience)
            if reached > offset:
                patience.progress()
            offset = reached

    def _piece(self, location: str, offset: int, piece: bytes, patience: Patience) -> int:
        """The offset after one attempt to send a piece; where it failed, the one that the platform tells."""
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        try:
            answer = self._transport.send("PATCH", location, headers=headers, data=piece, timeout=PIECE_TIMEOUT)
        except Unanswered as error:
            failure: ArenaError = error
        else:
            if answer.status_code < 300 and "Upload-Offset" in answer.headers:
                reached = _offset_in(answer)
                if reached > offset:
                    return reached
            if answer.status_code in GONE:
                raise _Gone
            failure = refusal(answer)
            if answer.status_code >= 300 and answer.status_code not in OUT_OF_STEP and not is_passing(failure):
                raise failure
        if not patience.pause(failure.message, at_least=getattr(failure, "retry_after", None)):
            raise failure
        return self._offset(location)

    def _offset(self, location: str) -> int:
        try:
            answer = self._transport.insist("HEAD", location, needs="Upload-Offset", headers={"Tus-Resumable": "1.0.0"})
        except ArenaError as error:
            if error.status in GONE:
                raise _Gone from error
            raise
        return _offset_in(answer)

    def _finished(self, session_id: str, side: str, kind: str, digest: str) -> Media:
        arrived = self._arrived(session_id, side, kind)
        if arrived is None:
            raise BadAnswer("bad_answer", f"The file was sent whole, and side {side} has no {kind}.")
        if arrived.sha256 != digest:
            self._client.withdraw(session_id, arrived.id)
            raise Conflict("file_changed", "The file was changed while it was sent.", hint="Send it again.")
        return arrived


def _same(arrived: Media, digest: str, side: str) -> Media:
    if arrived.sha256 == digest:
        return arrived
    raise Conflict(
        "media_exists", f"Side {side} has another file for {arrived.kind}.", hint="Take it away first, on the page."
    )


def _sha256(file: IO[bytes]) -> str:
    file.seek(0)
    found = hashlib.sha256()
    while piece := file.read(PIECE):
        found.update(piece)
    return found.hexdigest()


def _offset_in(answer: requests.Response) -> int:
    header = answer.headers.get("Upload-Offset", "")
    if not header.isdecimal():
        raise BadAnswer("bad_answer", "The server does not say how much of the file it has.")
    return int(header)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
