"""Uploads by tus 1.0. A piece is read from the network while nothing is locked, and written before the next is read."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import UnreadablePostError
from django.urls import reverse
from django.utils import timezone
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from arena.api.authentication import BrowserAuthentication, KeyAuthentication
from arena.api.permissions import READ_OR_RUN, RUN, Access, NamedAccess, Open, key_of, opens_lab, person
from arena.api.throttling import PerMinute
from arena.api.views import AlwaysJson
from arena.errors import NotFound
from evaluations import access, tus, uploads
from evaluations.models import MediaFile, Upload
from evaluations.upload_places import RETRY_AFTER_S, upload_place, upload_turn


class TusView(APIView):
    authentication_classes = (KeyAuthentication, BrowserAuthentication)
    permission_classes = (NamedAccess,)
    parser_classes: tuple[type[BaseParser], ...] = ()
    content_negotiation_class = AlwaysJson
    # By tus a HEAD is what a client asks before it goes on: NamedAccess takes it for a GET.
    access: ClassVar[Mapping[str, Access]] = {}
    bodiless = ("POST", "HEAD", "DELETE")

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        # Some front servers let no PATCH or DELETE through.
        method = request.headers.get("X-HTTP-Method-Override", "").upper()
        if request.method == "POST" and method in ("PATCH", "DELETE"):
            request.method = method
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method in self.bodiless:
            tus.require_no_body(request)
        super().initial(request, *args, **kwargs)
        if request.method not in ("OPTIONS", "GET"):
            tus.require_version(request)

    def get_throttles(self) -> list[Any]:
        """A large file has many pieces: they are bounded by how many are taken at once."""
        return [] if self.request.method in ("PATCH", "HEAD") else [PerMinute()]

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        return Response(status=204, headers=tus.options_headers())

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Tus-Resumable"] = tus.VERSION
        response["Cache-Control"] = "no-store"
        if response.status_code == 412:
            response["Tus-Version"] = tus.VERSION
        if response.status_code == 503:
            response["Retry-After"] = str(RETRY_AFTER_S)
        return response

    def upload(self, upload_id: uuid.UUID) -> Upload:
        """One that its person has begun; with a key, in its lab."""
        upload = access.upload_to_continue(person(self.request), upload_id)
        if not opens_lab(self.request, upload.side.session.lab_id):
            raise uploads.unknown()
        return upload


class Uploads(TusView):
    access = {"OPTIONS": Open.TO_ALL, "GET": READ_OR_RUN, "POST": RUN}

    def get(self, request: Request) -> Response:
        """The caller's uploads that are on their way, of one session or of all."""
        own = access.uploads_of(person(request)).filter(finished_at=None)
        key = key_of(request)
        own = own.filter(side__session__lab=key.lab_id) if key else own
        found = [upload_output(upload) for upload in _of_session(own, request.query_params.get("session"))]
        return Response({"count": len(found), "next": None, "previous": None, "results": found})

    def post(self, request: Request) -> Response:
        asked = tus.creation(request)
        side = access.side_to_fill(person(request), asked.session_id, label=asked.label)
        if not opens_lab(request, side.session.lab_id):
            raise NotFound("session_unknown", "You have no session at this address.")
        upload = uploads.begin(side=side, person=person(request), wanted=asked.wanted, now=timezone.now())
        location = request.build_absolute_uri(reverse("api-upload", args=[upload.pk]))
        return Response(upload_output(upload), status=201, headers={"Location": location, **tus.upload_headers(upload)})


class OneUpload(TusView):
    access = {"OPTIONS": Open.TO_ALL, "GET": READ_OR_RUN, "PATCH": RUN, "DELETE": RUN}

    def get(self, request: Request, upload_id: uuid.UUID) -> Response:
        """How far it is, and what became of it: not a part of tus."""
        return Response(upload_output(self.upload(upload_id)))

    def head(self, request: Request, upload_id: uuid.UUID) -> Response:
        upload = self.upload(upload_id)
        upload = uploads.look(upload=upload, now=timezone.now())
        return Response(headers={**tus.upload_headers(upload), "Upload-Metadata": tus.metadata_header(upload)})

    def patch(self, request: Request, upload_id: uuid.UUID) -> Response:
        upload = self.upload(upload_id)
        length, offset = tus.piece_length(request), tus.number(request, "Upload-Offset")
        uploads.require_place(upload=upload, offset=offset, length=length, now=timezone.now())
        with upload_place():
            for piece in pieces(request, length):
                with upload_turn():
                    offset = uploads.append(upload=upload, offset=offset, piece=piece, now=timezone.now())
        if offset == upload.size:
            uploads.finish(upload=upload, now=timezone.now())
        return Response(status=204, headers=tus.upload_headers(upload))

    def delete(self, request: Request, upload_id: uuid.UUID) -> Response:
        uploads.cancel(upload=self.upload(upload_id), now=timezone.now())
        return Response(status=204)


def pieces(request: Request, length: int) -> Iterator[bytes]:
    """The body as it arrives. What came before the connection broke is kept, so a break ends it early and no more."""
    while length > 0:
        try:
            piece = request.stream.read(min(uploads.PIECE_BYTES, length))
        except UnreadablePostError:
            return
        if not piece:
            return
        length -= len(piece)
        yield piece


def upload_output(upload: Upload) -> dict[str, Any]:
    return {
        "id": str(upload.pk),
        "url": reverse("api-upload", args=[upload.pk]),
        "session": str(upload.side.session_id),
        "side": upload.side.label,
        "kind": upload.kind,
        "filename": upload.filename,
        "fingerprint": upload.fingerprint,
        "size": upload.size,
        "offset": upload.offset,
        "created_at": upload.created_at,
        "finished_at": upload.finished_at,
        "media": None if upload.media_id is None else media_output(upload.media),
    }


def media_output(media: MediaFile | None) -> dict[str, Any]:
    """What the check has found so far. Nothing of it depends on which policies were drawn."""
    assert media is not None
    return {
        "id": media.pk,
        "kind": media.kind,
        "title": media.title,
        "state": media.check_state,
        "problem": media.problem,
        "withdrawn": media.withdrawn_at is not None,
        "size": media.size,
        "sha256": media.sha256,
        "duration_s": media.duration_s,
        "width": media.width,
        "height": media.height,
        "black": media.black,
        "frozen": media.frozen,
    }


def _of_session(found: QuerySet[Upload], session_id: str | None) -> QuerySet[Upload]:
    if session_id is None:
        return found
    try:
        return found.filter(side__session=uuid.UUID(session_id))
    except ValueError:
        raise NotFound("session_unknown", "You have no session at this address.") from None
