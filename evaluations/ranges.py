"""Files answered with byte ranges, so that a browser can seek. Django's FileResponse sends only whole files."""

import re
from collections.abc import Iterator

from django.db.models.fields.files import FieldFile
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import parse_etags

CHUNK_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def ranged_response(request: HttpRequest, *, file: FieldFile, content_type: str, etag: str) -> HttpResponseBase:
    """The file, or the one range of it that was asked for: 200, 206, 304 or 416. Several ranges get the whole."""
    quoted = f'"{etag}"'
    size = file.size
    if quoted in parse_etags(request.headers.get("If-None-Match", "")):
        response: HttpResponseBase = HttpResponse(status=304)
    else:
        wanted = _wanted(request, quoted)
        span = _span(wanted, size) if wanted else None
        if wanted and span is None:
            response = HttpResponse(status=416)
            response["Content-Range"] = f"bytes */{size}"
        elif span:
            response = _partial(file, span, size, content_type)
        else:
            response = FileResponse(file.open("rb"), content_type=content_type)
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = quoted
    response["Content-Disposition"] = "inline"  # and not under the name that the file has on our disk
    response["Cache-Control"] = "private, max-age=3600"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _wanted(request: HttpRequest, etag: str) -> re.Match[str] | None:
    """The range to serve; none where the client's copy is of another version of the file (If-Range)."""
    if request.headers.get("If-Range", etag) != etag:
        return None
    match = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    return match if match and (match[1] or match[2]) else None


def _span(match: re.Match[str], size: int) -> tuple[int, int] | None:
    """First and last byte, or None where the range lies outside the file."""
    if match[1]:
        first, last = int(match[1]), min(int(match[2]), size - 1) if match[2] else size - 1
    else:
        first, last = max(0, size - int(match[2])), size - 1
    return (first, last) if first <= last else None


def _partial(file: FieldFile, span: tuple[int, int], size: int, content_type: str) -> HttpResponseBase:
    first, last = span
    response = StreamingHttpResponse(_read(file, first, last - first + 1), status=206, content_type=content_type)
    response["Content-Range"] = f"bytes {first}-{last}/{size}"
    response["Content-Length"] = str(last - first + 1)
    return response


def _read(file: FieldFile, first: int, left: int) -> Iterator[bytes]:
    with file.open("rb") as opened:
        opened.seek(first)
        while left > 0 and (chunk := opened.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
