from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from arena.errors import ArenaError, Conflict
from evaluations import drafts, sessions
from evaluations.drafts import DraftConflict
from evaluations.models import Draft, Session
from tests.factories import Arena, open_session


@pytest.fixture
def session(arena: Arena) -> Session:
    return open_session(arena)


def save(session: Session, revision: int, **changes: Any) -> int:
    return drafts.save(session=session, revision=revision, changes=changes, now=timezone.now()).revision


def test_nothing_entered_is_an_empty_draft(session: Session) -> None:
    assert drafts.read(session) == drafts.DraftView(0, {})


def test_each_change_is_kept_and_numbered(session: Session) -> None:
    assert [save(session, 0, a_progress=40), save(session, 1, notes="A slipped", preference="B")] == [1, 2]
    assert drafts.read(session) == drafts.DraftView(2, {"a_progress": 40, "notes": "A slipped", "preference": "B"})


def test_saving_what_stands_changes_nothing(session: Session) -> None:
    save(session, 0, a_progress=40)
    assert save(session, 0, a_progress=40) == 1


def test_two_tabs_on_different_fields_both_hold(session: Session) -> None:
    save(session, 0, a_progress=40)
    save(session, 0, b_progress=70)
    assert drafts.read(session).values == {"a_progress": 40, "b_progress": 70}


def test_two_tabs_on_one_field_do_not_overwrite_each_other_silently(session: Session) -> None:
    save(session, 0, a_progress=40, notes="first")
    with pytest.raises(DraftConflict) as refused:
        save(session, 0, a_progress=60, preference="A")
    assert refused.value.fields == ["a_progress"]
    assert drafts.view(refused.value.draft) == drafts.DraftView(1, {"a_progress": 40, "notes": "first"})
    assert drafts.read(session).values == {"a_progress": 40, "notes": "first"}  # all of it or none
    assert save(session, 1, a_progress=60, preference="A") == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"winner": "A"},
        {"a_progress": 101},
        {"a_progress": -1},
        {"a_progress": True},
        {"a_progress": 40.5},
        {"a_progress": "40"},
        {"a_success": "yes"},
        {"a_failure_modes": ["fell over"]},
        {"a_failure_modes": ["dropped", "dropped"]},
        {"a_failure_modes": [[]]},
        {"a_failure_modes": "dropped"},
        {"preference": "C"},
        {"preference": ["A"]},
        {"notes": "x" * (drafts.NOTES_MAX_LENGTH + 1)},
        {"notes": "nul \x00"},
        {"notes": None},
        {"invalid_reason": "lease_expired"},
    ],
)
def test_what_no_form_could_hold_is_refused(session: Session, changes: dict[str, Any]) -> None:
    with pytest.raises(ArenaError, match=r"draft|value") as refused:
        save(session, 0, **changes)
    assert refused.value.code == "bad_draft"
    assert not Draft.objects.filter(revision__gt=0).exists()


def test_an_entry_can_be_taken_back(session: Session) -> None:
    save(session, 0, a_progress=40, preference="A")
    save(session, 1, a_progress=None, preference=None)
    assert drafts.read(session).values == {"a_progress": None, "preference": None}


def test_who_writes_is_at_work(session: Session) -> None:
    later = timezone.now() + timedelta(minutes=30)
    drafts.save(session=session, revision=0, changes={"notes": "still here"}, now=later)
    session.refresh_from_db()
    assert session.lease_expires_at == later + settings.SESSION_LEASE
    assert session.state == "assigned"  # nothing ran yet


def test_a_session_that_ended_takes_no_more(arena: Arena, session: Session) -> None:
    save(session, 0, notes="kept")
    sessions.abandon(session=session, now=timezone.now(), by=arena.dana)
    with pytest.raises(Conflict) as refused:
        save(session, 1, notes="changed")
    assert refused.value.code == "session_ended"
    assert drafts.read(session).values == {"notes": "kept"}
