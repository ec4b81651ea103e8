"""The read endpoint of the public RoboArena website that lists evaluations, in its exact shape."""

import json
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.urls import reverse
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from evaluations import selectors
from evaluations.models import MediaFile, Session, Side
from evaluations.scopes import chosen_scope

CHUNK = 500


class WebsiteView(APIView):
    """Open to any page on the web, as the website expects."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Access-Control-Allow-Origin"] = "*"
        return response


class Evaluations(WebsiteView):
    """The whole list, as the website reads it; written while it is read, so that its length costs no memory."""

    def get(self, request: Request) -> StreamingHttpResponse:
        scope = chosen_scope(request.query_params.get("board"))
        sessions = selectors.with_sides(scope.sessions().valid().order_by("-closed_at", "id"))
        return StreamingHttpResponse(_listed(request, sessions), content_type="application/json")


def _listed(request: Request, sessions: QuerySet[Session]) -> Iterator[str]:
    yield '{"evaluations": ['
    separator = ""
    for session in sessions.iterator(chunk_size=CHUNK):
        yield separator + json.dumps(_evaluation(request, session))
        separator = ", "
    yield "]}"


def _evaluation(request: Request, session: Session) -> dict[str, Any]:
    result = session.latest_results[0] if session.latest_results else None  # type: ignore[attr-defined]
    side_a, side_b = session.ordered_sides  # type: ignore[attr-defined]
    assert session.closed_at is not None
    return {
        "session_id": str(session.pk),
        "university": f"{session.lab.name} (simulation)" if session.simulated else session.lab.name,
        "completion_time": session.closed_at.replace(tzinfo=None).isoformat() + "Z",
        "evaluator_name": session.evaluator_pseudonym,
        "preference": (result.preference or None) if result else None,
        "longform_feedback": result.notes if result else None,
        "language_instruction": session.instruction,
        "policyA": _policy(request, side_a),
        "policyB": _policy(request, side_b),
    }


def _policy(request: Request, side: Side) -> dict[str, Any]:
    urls = {
        media.kind: request.build_absolute_uri(reverse("session-video", args=[side.session_id, side.label, media.kind]))
        for media in side.videos
    }
    return {
        "name": side.version.shown_label,
        "partial_success": side.episode.progress,
        "wrist_video_url": urls.get(MediaFile.Kind.WRIST),
        "third_person_video_url": urls.get(MediaFile.Kind.LEFT) or urls.get(MediaFile.Kind.RIGHT),
    }
