"""Public pages of sessions, and their videos."""

import uuid

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from arena.errors import NotFound
from arena.models import Person
from evaluations import access, appeals, selectors
from evaluations.models import Session
from evaluations.ranges import ranged_response
from evaluations.review.forms import ReportForm
from evaluations.scopes import SCOPES, chosen_scope
from evaluations.tags import records
from evaluations.tags.page import Attempt, tags_page

SESSIONS_A_PAGE = 24


@require_safe
def session_list(request: HttpRequest) -> HttpResponse:
    scope = chosen_scope(request.GET.get("board"))
    show_all = request.GET.get("show") == "all"
    ended = scope.sessions().public() if show_all else scope.sessions().valid()
    newest_first = selectors.with_everything(ended.order_by("-closed_at", "id"))
    page = Paginator(newest_first, SESSIONS_A_PAGE).get_page(request.GET.get("page"))
    context = {"scope": scope, "scopes": SCOPES, "page": page, "show_all": show_all}
    return render(request, "evaluations/session_list.html", context)


@require_safe
def session_detail(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    session = access.session_to_read(request.user, session_id)
    if session.is_blind:
        return render(request, "evaluations/session_open.html", {"session": session})
    return session_page(request, session)


def session_page(
    request: HttpRequest, session: Session, *, tried: Attempt | None = None, status: int = 200
) -> HttpResponse:
    """The page of a session that has ended; `tried` is what somebody could not say of it."""
    person = request.user if isinstance(request.user, Person) else None
    page = selectors.session_page(session)
    if not session.training:
        sides = [entry["side"] for entry in page["sides"]]
        page["form"] = ReportForm(session=session, person=person)
        page["may_appeal"] = page["exclusion"] is not None and appeals.may_appeal(person, session)
        may_correct = records.may_correct(person, session)
        page["tags"] = tags_page(session, sides, may_correct=may_correct, attempt=tried)
    return render(request, "evaluations/session_detail.html", page, status=status)


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


@require_safe
def session_sheet(request: HttpRequest, session_id: uuid.UUID, label: str, kind: str) -> HttpResponseBase:
    media = access.video_to_read(request.user, session_id, label=label, kind=kind)
    if not media.sheet:
        raise NotFound("sheet_unknown", "There is no contact sheet of this video yet.")
    return ranged_response(request, file=media.sheet, content_type="image/jpeg", etag=f"{media.sha256}-sheet")
