"""Tags are confirmed and corrected where they stand: in place with scripts, else on the session's page anew."""

import uuid

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.views.decorators.http import require_POST

from arena.errors import ArenaError
from arena.models import Person
from evaluations import access
from evaluations.models import Session
from evaluations.tags import records
from evaluations.tags.forms import TagForm, attempt
from evaluations.tags.page import tags_page
from evaluations.views import session_page

# htmx puts an answer of this status in place too; any other error is told by static/js/in_place.js.
IN_PLACE = 422


@require_POST
def session_tag(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    person, in_place = request.user, "HX-Request" in request.headers
    if not isinstance(person, Person):
        return HttpResponse(status=401) if in_place else redirect_to_login(resolve_url("session", session_id))
    session = access.session_to_tag(session_id)
    error = _say(request, session, person)
    if in_place:
        return _row(request, session, person, error)
    if error is None:
        messages.success(request, "Kept. What was said before stays beside it.")
        return redirect(resolve_url("session", session_id) + "#tags")
    return session_page(request, session, tried=attempt(request.POST, error=error.message), status=error.status)


def _say(request: HttpRequest, session: Session, person: Person) -> ArenaError | None:
    form = TagForm(request.POST)
    try:
        records.require_right(person, session)
        if not form.is_valid():
            raise ArenaError("bad_field", form.problem)
        records.correct(session=session, by=person, now=timezone.now(), **form.said())
    except ArenaError as error:
        return error
    return None


def _row(request: HttpRequest, session: Session, person: Person, error: ArenaError | None) -> HttpResponse:
    """The row of the question alone. One that is not there is no slip of a reader, and told as a page."""
    tried = attempt(request.POST, error=error.message if error else "")
    session.refresh_from_db(fields=["tagged_category", "corrected_category"])
    sides = session.ordered_sides  # type: ignore[attr-defined]
    page = tags_page(session, sides, may_correct=records.may_correct(person, session), attempt=tried)
    row = page.row(question=tried.question, label=tried.label)
    if row is None:
        raise error or ArenaError("bad_field", "question: There is no such question.")
    context = {"row": row, "tags": page, "session": session, "kept": error is None}
    return render(request, "evaluations/tags/row_alone.html", context, status=IN_PLACE if error else 200)
