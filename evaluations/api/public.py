"""What the pages show to everybody: sessions that were revealed."""

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from arena.api.pagination import page_of
from arena.api.permissions import Open
from arena.api.views import ApiView, answer
from arena.errors import NotFound
from evaluations import selectors
from evaluations.api import shown
from evaluations.api.inputs import PublicSessionQuery
from evaluations.api.outputs import PublicSessionOutput, PublicSessionPageOutput
from evaluations.models import Session
from evaluations.scopes import chosen_scope


class PublicSessions(ApiView):
    tag = "Public"
    access = {"GET": Open.TO_ALL}
    queries = {"GET": PublicSessionQuery}

    @extend_schema(responses=PublicSessionPageOutput)
    def get(self, request: Request) -> Response:
        """Sessions of a board, the latest first. Without `board` the first that has any."""
        scope = chosen_scope(self.query.get("board"))
        ended = scope.sessions().public() if self.query["show"] == "all" else scope.sessions().valid()
        found = selectors.with_everything(ended.order_by("-closed_at", "id"))
        return answer(PublicSessionPageOutput, page_of(request, found, self.query, shown.public_session))


class PublicSession(ApiView):
    tag = "Public"
    access = {"GET": Open.TO_ALL}

    @extend_schema(responses=PublicSessionOutput)
    def get(self, request: Request, session_id: uuid.UUID) -> Response:
        """A session that was revealed."""
        session = selectors.with_everything(Session.objects.public().filter(pk=session_id)).first()
        if session is None:
            raise NotFound("session_unknown", "There is no session at this address.")
        return answer(PublicSessionOutput, shown.public_session(session))
