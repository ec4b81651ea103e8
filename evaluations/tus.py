"""tus 1.0, the protocol of resumable uploads (https://tus.io): its headers read and written, nothing done.

Extensions: creation, expiration, termination. What a header holds comes from outside and may be anything.
"""

import base64
import binascii
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.http import http_date
from rest_framework.request import Request

from arena.errors import ArenaError, TooLarge
from evaluations.models import Label, Upload
from evaluations.uploads import Wanted, expires_at

VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,termination"
PIECE_TYPE = "application/offset+octet-stream"
METADATA_LENGTH = 4096


class TusError(ArenaError):
    """A request that does not follow the protocol, with the status that the protocol has for it."""

    def __init__(self, code: str, message: str, *, hint: str = "", status: int = 400) -> None:
        super().__init__(code, message, hint=hint)
        self.status = status


@dataclass(frozen=True)
class Creation:
    session_id: uuid.UUID
    label: Label
    wanted: Wanted


def require_version(request: Request) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise TusError("tus_version", f"This server speaks tus {VERSION}: send Tus-Resumable: {VERSION}.", status=412)


def creation(request: Request) -> Creation:
    if "Upload-Defer-Length" in request.headers:
        raise TusError("tus_header", "Upload-Defer-Length is not served: say the length with Upload-Length.")
    said = metadata(request.headers.get("Upload-Metadata", ""))
    wanted = Wanted(
        kind=said.get("kind", ""),
        filename=said.get("filename", ""),
        size=number(request, "Upload-Length"),
        fingerprint=said.get("fingerprint", ""),
    )
    return Creation(session_id=_session_id(said), label=_label(said), wanted=wanted)


def number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdecimal()) or len(text) > 15:
        raise TusError("tus_header", f"{header} must be a whole number.")
    return int(text)


def piece_length(request: Request) -> int:
    """How many bytes the body holds; known beforehand."""
    if request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != PIECE_TYPE:
        raise TusError("tus_content_type", f"A piece has the type {PIECE_TYPE}.", status=415)
    if not request.META.get("CONTENT_LENGTH") or "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        raise TusError("tus_length", "Say the length of the piece with Content-Length.", status=411)
    return number(request, "Content-Length")


def require_no_body(request: Request) -> None:
    """Bytes come by PATCH. A form in the body would be read to its end before anybody asks who sent it."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length != "0" or request.META.get("HTTP_TRANSFER_ENCODING"):
        raise TooLarge("tus_body", "The bytes are sent by PATCH, not with the request that creates the upload.")


def metadata(header: str) -> dict[str, str]:
    """`key base64, key base64`: keys are unique, values UTF-8, and a key may stand alone."""
    if len(header) > METADATA_LENGTH:
        raise TusError("tus_metadata", f"Upload-Metadata is longer than {METADATA_LENGTH} characters.")
    found: dict[str, str] = {}
    for pair in header.split(",") if header.strip() else ():
        key, _, value = pair.strip().partition(" ")
        if not key or key in found:
            raise TusError("tus_metadata", "A key of Upload-Metadata is empty or stands twice.")
        found[key] = _decoded(value.strip())
    return found


def options_headers() -> dict[str, str]:
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(settings.MAX_UPLOAD_BYTES),
    }


def upload_headers(upload: Upload) -> dict[str, str]:
    headers = {"Upload-Offset": str(upload.offset), "Upload-Length": str(upload.size)}
    if upload.finished_at is None:
        headers["Upload-Expires"] = _http_time(expires_at(upload))
    return headers


def metadata_header(upload: Upload) -> str:
    said = {
        "session": str(upload.side.session_id),
        "side": upload.side.label,
        "kind": upload.kind,
        "filename": upload.filename,
        "fingerprint": upload.fingerprint,
    }
    return ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in said.items() if text)


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        raise TusError("tus_metadata", "A value of Upload-Metadata is not UTF-8 in base64.") from None


def _session_id(said: dict[str, str]) -> uuid.UUID:
    try:
        return uuid.UUID(said.get("session", ""))
    except ValueError:
        raise TusError("tus_metadata", "Upload-Metadata must name the session by its id.") from None


def _label(said: dict[str, str]) -> Label:
    try:
        return Label(said.get("side", ""))
    except ValueError:
        raise TusError("tus_metadata", "Upload-Metadata must name the side, A or B.") from None


def _http_time(moment: datetime) -> str:
    return http_date(moment.timestamp())
