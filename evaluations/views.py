"""Public pages of sessions, and their videos."""

import uuid

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_safe

from arena.errors import NotFound
from arena.models import Person
from evaluations import access, selectors
from evaluations.ranges import ranged_response
from evaluations.scopes import SCOPES, default_scope, scope_named

SESSIONS_A_PAGE = 24


@require_GET
def session_list(request: HttpRequest) -> HttpResponse:
    scope = scope_named(request.GET.get("board")) or default_scope()
    show_all = request.GET.get("show") == "all"
    sessions = selectors.published_sessions().filter(source=scope.source, simulated=scope.simulated)
    if not show_all:
        sessions = sessions.filter(valid=True)
    page = Paginator(selectors.with_everything(sessions), SESSIONS_A_PAGE).get_page(request.GET.get("page"))
    context = {"scope": scope, "scopes": SCOPES, "page": page, "show_all": show_all}
    return render(request, "evaluations/session_list.html", context)


@require_GET
def session_detail(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    session = access.session_to_read(request.user, session_id)
    if session.is_open:
        return render(request, "evaluations/session_open.html", {"session": session})
    return render(request, "evaluations/session_detail.html", selectors.session_page(session))


@require_safe
def session_video(request: HttpRequest, session_id: uuid.UUID, label: str, kind: str) -> HttpResponseBase:
    media = access.video_to_read(request.user, session_id, label=label, kind=kind)
    etag = f"{media.sha256}-{media.check_state}"
    return ranged_response(request, file=media.played, content_type="video/mp4", etag=etag)


@require_safe
def session_poster(request: HttpRequest, session_id: uuid.UUID, label: str, kind: str) -> HttpResponseBase:
    media = access.video_to_read(request.user, session_id, label=label, kind=kind)
    if not media.poster:
        raise NotFound("poster_unknown", "There is no picture of this video yet.")
    return ranged_response(request, file=media.poster, content_type="image/jpeg", etag=f"{media.sha256}-poster")


@login_required
@require_GET
def lab(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, Person)  # login_required
    return render(request, "evaluations/lab.html", {"labs": selectors.labs_of(request.user)})
