"""The same call from many threads at once, each with a connection of its own to the real database."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TypeVar

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from arena.errors import Conflict
from arena.models import AuditEvent, Notice, Person, Role
from credits import ledger
from evaluations import assignments, pairs, sessions
from evaluations.models import Episode, Label, MediaFile, Preference, Result, Session, State
from evaluations.pairing import DrawKind, repeat_chance
from evaluations.requests import orders
from evaluations.sessions import Judgement
from tests.factories import Arena, finish_session, make_arena, make_person, open_session, upload_episode

pytestmark = pytest.mark.django_db(transaction=True)

T = TypeVar("T")
AT_ONCE = 8


@pytest.fixture
def arena() -> Arena:
    return make_arena()


def at_once(calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """Run the calls in threads that start together; what each returned or raised."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | Exception:
        try:
            start.wait(timeout=10)
            return call()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_a_pair_asked_for_many_times_at_once_is_drawn_once(arena: Arena) -> None:
    found = at_once([lambda: open_session(arena).pk] * AT_ONCE)
    assert len(set(found)) == 1
    assert Session.objects.count() == 1


@override_settings(REPEAT_SHARE=0.25)
def test_repeats_drawn_at_once_are_few_and_made_up_for(arena: Arena) -> None:
    """Evaluators at one station who ask in the same moment do not see each other's draws; those that follow do."""
    past = timezone.now() - timedelta(days=9)
    finish_session(open_session(arena, now=past), now=past)
    people = [make_person(f"{n}@example.org", lab=arena.lab, role=Role.EVALUATOR) for n in range(AT_ONCE)]

    def open_for(person: Person) -> Session:
        return assignments.open_session(
            person=person, station=arena.station, instruction="put the cup on the plate", now=timezone.now()
        )

    found = at_once([partial(open_for, person) for person in people])
    assert all(isinstance(one, Session) and 0 < (one.pair_probability or 0) < 1 for one in found)
    repeated = Session.objects.filter(draw_kind=DrawKind.REPEAT).count()
    chance = repeat_chance(share=0.25, drawn=1 + AT_ONCE, repeated=repeated)
    assert pairs.mix_at(arena.station).repeat == chance


def test_a_session_submitted_many_times_at_once_is_submitted_once(arena: Arena) -> None:
    session = open_session(arena)
    for label in Label:
        upload_episode(session, label)
    judgements = [Judgement(preference=preference, notes="", valid=True) for preference in Preference]

    def submit(judgement: Judgement) -> str:
        return sessions.submit(session=session, judgement=judgement, now=timezone.now()).state

    found = at_once([partial(submit, judgement) for judgement in judgements * 3])
    assert set(found) == {State.SUBMITTED}
    assert Result.objects.count() == 1
    assert AuditEvent.objects.filter(tag="session:submitted").count() == 1


def test_an_episode_uploaded_many_times_at_once_is_kept_once(arena: Arena) -> None:
    session = open_session(arena)
    found = at_once([lambda: upload_episode(session, Label.A, video=b"v" * 100_000)] * AT_ONCE)
    assert found == [None] * AT_ONCE
    assert (Episode.objects.count(), MediaFile.objects.count(), _stored_files()) == (1, 1, 1)


def test_of_different_uploads_at_once_one_stands_and_the_others_are_told(arena: Arena) -> None:
    session = open_session(arena)
    uploads = [
        lambda progress=number / 10: upload_episode(session, Label.A, progress=progress, video=b"v")
        for number in range(AT_ONCE)
    ]
    found = at_once(uploads)
    assert sum(result is None for result in found) == 1
    assert all(isinstance(result, Conflict) and result.code == "episode_exists" for result in found if result)
    assert (Episode.objects.count(), _stored_files()) == (1, 1)


def test_a_judgement_and_the_sweep_at_the_end_of_the_lease_leave_one_outcome(arena: Arena) -> None:
    session = open_session(arena)
    for label in Label:
        upload_episode(session, label)
    before, after = timezone.now(), timezone.now() + settings.SESSION_LEASE + timedelta(minutes=1)
    judgement = Judgement(preference=Preference.A, notes="", valid=True)
    found = at_once(
        [lambda: sessions.submit(session=session, judgement=judgement, now=before)] * 4
        + [lambda: sessions.expire_overdue(now=after)] * 4
    )
    assert not [outcome for outcome in found if isinstance(outcome, Exception)]
    session.refresh_from_db()
    ends = AuditEvent.objects.filter(tag__in=["session:submitted", "session:expired"]).count()
    assert (ends, Result.objects.count(), session.is_open) == (1, 1, False)


@override_settings(REQUESTED_SHARE=1.0)
def test_sessions_revealed_at_once_tell_once_that_their_request_is_done(arena: Arena) -> None:
    """Each of them sees the others veiled when it begins; the last of them tells it all the same."""
    alice = make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)
    ledger.earn(lab=arena.owners, amount=3, key="welcome")
    request = orders.place(version=arena.versions[0], wanted=3, by=alice, now=timezone.now())
    veiled = []
    for number in range(3):
        session = open_session(arena, f"task {number}")
        for label in Label:
            upload_episode(session, label)
        judgement = Judgement(preference=Preference.TIE, notes="", valid=True)
        veiled.append(sessions.submit(session=session, judgement=judgement, now=timezone.now(), veiled=True))
    request.refresh_from_db()
    assert (request.state, Notice.objects.count()) == ("done", 0)
    found = at_once([partial(sessions.reveal, session=session, now=timezone.now()) for session in veiled])
    assert not [one for one in found if isinstance(one, Exception)]
    assert list(Notice.objects.values_list("kind", "person")) == [("request-ended", alice.pk)]


def _stored_files() -> int:
    folders, _ = default_storage.listdir("episodes")
    return sum(len(default_storage.listdir(f"episodes/{folder}")[1]) for folder in folders)
