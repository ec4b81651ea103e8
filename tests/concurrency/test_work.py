"""Many workers and one queue of work, on the real database: each piece is done by one, whatever they do together."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial

import pytest
from django.utils import timezone

from evaluations.models import Session, Tagging
from reports import policy_reports, work
from reports.models import PolicyReport, Work
from reports.tagging import tagging
from reports.writing import writing
from tests.concurrency.test_sessions import at_once
from tests.factories import finish_session, make_arena, open_session

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

THREADS = 32
TAG = Work.Kind.TAG_SESSION


def taken_by(piece: Work, now: datetime) -> list[Work]:
    """What all threads together were given, who reach for it at once."""
    found = at_once([lambda: work.take(work_id=piece.pk, now=now)] * THREADS)
    assert [one for one in found if isinstance(one, Exception)] == []
    return [one for one in found if isinstance(one, Work)]


def test_one_of_many_takes_a_piece_and_one_of_many_ends_it() -> None:
    now = timezone.now()
    piece = work.ask(kind=TAG, subject="s1", now=now)
    taken = taken_by(piece, now)
    assert len(taken) == 1
    assert Counter(at_once([lambda: work.done(taken[0], now=now)] * THREADS)) == {True: 1, False: THREADS - 1}
    piece.refresh_from_db()
    assert (piece.state, piece.attempts) == (Work.State.DONE, 1)


def test_a_lease_that_ran_out_is_one_others_and_no_more_its_first_holders() -> None:
    now = timezone.now()
    piece = work.ask(kind=TAG, subject="s1", now=now)
    lost = work.take(work_id=piece.pk, now=now)
    assert lost is not None
    later = now + 2 * work.LEASE
    taken = taken_by(piece, later)
    assert len(taken) == 1
    assert at_once([lambda: work.done(lost, now=later), lambda: work.done(taken[0], now=later)]) == [False, True]


def test_what_many_ask_for_at_once_is_asked_for_once() -> None:
    now = timezone.now()
    subjects = [f"s{number}" for number in range(20)]
    one_by_one = [partial(work.ask, kind=TAG, subject=subjects[number % 4], now=now) for number in range(THREADS // 2)]
    in_bulk = [partial(work.ask_many, kind=TAG, subjects=subjects, now=now)] * (THREADS // 2)
    calls: list[Callable[[], object]] = [*one_by_one, *in_bulk]
    found = at_once(calls)
    assert [one for one in found if isinstance(one, Exception)] == []
    assert sorted(Work.objects.values_list("subject", flat=True)) == sorted(subjects)


def test_each_session_is_tagged_and_each_report_numbered_once() -> None:
    arena, now = make_arena(policies_in_pool=2), timezone.now()
    for number in range(6):
        finish_session(open_session(arena, f"put block {number} on the plate"))
    tagging.find(now=now)
    policy_reports.find(now=now)
    pieces = list(Work.objects.all())
    assert {one.kind for one in pieces} == set(Work.Kind.values)
    do = {Work.Kind.TAG_SESSION.value: tagging.do, Work.Kind.WRITE_REPORT.value: writing.do}
    calls = [partial(do[one.kind], work_id=one.pk, now=now) for one in pieces] * 4
    assert [one for one in at_once(calls) if isinstance(one, Exception)] == []
    assert set(Work.objects.values_list("state", flat=True)) == {Work.State.DONE}
    assert Tagging.objects.count() == Tagging.objects.values("session").distinct().count() == Session.objects.count()
    assert sorted(PolicyReport.objects.values_list("version", "number")) == sorted(
        (one.pk, 1) for one in arena.versions
    )
