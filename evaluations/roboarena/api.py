"""The calls of the RoboArena client. It has no account and no cookie: each call carries its access code in the body."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, FormParser, JSONParser, MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from arena import keys
from arena.errors import ArenaError, Conflict, TooLarge, json_response
from arena.models import ClientKey
from arena.relay_address import relay_address
from arena.requests import client_address
from evaluations import assignments, episodes, sessions, upload_places
from evaluations.blinding import relay_token
from evaluations.models import Label, Session, State
from evaluations.roboarena import notes
from evaluations.roboarena.inputs import AccessInput, PairInput, TerminateInput, UploadInput, VersionInput, read

CLIENT_VERSIONS = ("1.4", "1.5")
UPGRADE = "This evaluation client is too old: it asks for a pair before the task is known. Upgrade it to version 1.5."


class ClientView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes: Sequence[type[BaseParser]] = (JSONParser,)
    # Not HEAD, which Django would answer by GET: a look must open no session.
    http_method_names = ("get", "post", "options")
    max_body_bytes = 64 * 1024

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > self.max_body_bytes:
            raise TooLarge("request_too_large", f"More than {self.max_body_bytes // 1024} KiB in one request.")
        if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
            raise ParseError

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response

    def access(self, code: str, email: str | None = None) -> ClientKey:
        return keys.authenticate_client(
            code=code, email=email, address=client_address(self.request), now=timezone.now()
        )


class VersionCheck(ClientView):
    def post(self, request: Request) -> Response:
        version = read(VersionInput, request.data).validated_data["client_version"]
        if version not in CLIENT_VERSIONS:
            raise ArenaError("client_version", f"This server works with client {' and '.join(CLIENT_VERSIONS)}.")
        return Response({"status": "ok"})


class ValidateAccess(ClientView):
    def post(self, request: Request) -> Response:
        data = read(AccessInput, request.data).validated_data
        key = self.access(data["evaluator_code"], data["evaluator_email"])
        return Response({"status": "ok", "lab": key.station.lab.name, "station": key.station.name})


class Pair(ClientView):
    def post(self, request: Request) -> Response:
        return self._open(request.data)

    def get(self, request: Request) -> Response:
        """As client 1.4 asks. Older ones send neither code nor task."""
        if not {"evaluator_code", "language_instruction"} <= request.query_params.keys():
            raise ArenaError("client_version", UPGRADE)
        return self._open(request.query_params)

    def _open(self, data: Any) -> Response:
        asked = read(PairInput, data).validated_data
        key = self.access(asked["evaluator_code"], asked["evaluator_name"])
        robot = key.station.embodiment.name
        if asked["robot_name"].lower() != robot.lower():
            raise ArenaError(
                "wrong_robot", f"This access code is for a {robot} station, not for {asked['robot_name']}."
            )
        session = assignments.open_session(
            person=key.person,
            station=key.station,
            key=key,
            instruction=asked["language_instruction"],
            rubric=(),  # its evaluator is shown none
            now=timezone.now(),
        )
        return Response(_pair_answer(session))


class UploadEpisode(ClientView):
    parser_classes = (MultiPartParser,)
    max_body_bytes = settings.MAX_UPLOAD_BYTES
    places = upload_places.places

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """A slow upload keeps a thread for as long as it takes: some are always left for pages."""
        if not self.places.acquire(blocking=False):
            answer = json_response(upload_places.too_many_uploads())
            answer["Retry-After"] = str(upload_places.RETRY_AFTER_S)
            return answer
        try:
            return super().dispatch(request, *args, **kwargs)
        finally:
            self.places.release()

    def post(self, request: Request) -> Response:
        upload = read(UploadInput, request.data)
        session = self._session(upload.validated_data)
        episodes.record_episode(
            session=session,
            label=upload.side_label,
            report=upload.episode_report,
            uploads=upload.episode_files,
            now=timezone.now(),
        )
        return Response({"status": "success"})

    def _session(self, data: dict[str, Any]) -> Session:
        return sessions.find_own(session_id=data["session_id"], key=self.access(data["evaluator_code"]))


class Terminate(ClientView):
    parser_classes = (FormParser, JSONParser, MultiPartParser)
    max_body_bytes = 256 * 1024  # a form spends nine bytes on many a letter of the notes

    def post(self, request: Request) -> Response:
        data = read(TerminateInput, request.data).validated_data
        session = sessions.find_own(session_id=data["session_id"], key=self.access(data["evaluator_code"]))
        judgement = notes.judgement(data["evaluation_notes"])
        session = sessions.submit(session=session, judgement=judgement, now=timezone.now())
        if session.state != State.SUBMITTED:
            raise Conflict(
                "session_ended", "This session had ended before it was judged.", hint="The judgement is kept beside it."
            )
        return Response({"status": "terminated", "session_id": str(session.pk)})


def _pair_answer(session: Session) -> dict[str, Any]:
    """The client joins the parts to `ws://{ip}:{port}`: they lead to our relay, with one token a side."""
    relay = relay_address()
    port_and_path = f"{relay.port}{relay.path}/relay"
    return {
        "session_id": str(session.pk),
        "evaluation_type": "A/B",
        "policies": [
            {
                "label": label,
                "ip": relay.host,
                "port": f"{port_and_path}/{relay_token(session_id=session.pk, label=label)}",
            }
            for label in Label.values
        ],
    }
