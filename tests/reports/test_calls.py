"""Questions to models as rows: what a day cost, and what is forgotten."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import Error, transaction

from reports import calls
from reports.models import ProviderCall
from tests.workers.providers.asking import question

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
Outcome = ProviderCall.Outcome


def made(at: datetime = NOON, *, provider: str = "vllm", tokens: int = 0, cost: float | None = None) -> ProviderCall:
    call = calls.begin(question(), provider=provider, model="m", digest="d" * 64, now=at)
    call.tokens_in, call.tokens_out, call.cost = tokens, tokens // 2, cost
    calls.finish(call, outcome=Outcome.ANSWERED, answer={"a": 1})
    return call


def test_a_day_begins_at_midnight_utc() -> None:
    midnight = NOON.replace(hour=0)
    made(midnight - SECOND, tokens=1000, cost=1.0)
    made(midnight, tokens=10, cost=0.25)
    made(NOON, tokens=20)
    made(NOON, provider="other", tokens=5000)
    assert calls.spent(provider="vllm", now=NOON) == calls.Spent(tokens=45, money=0.25)
    assert calls.spent(provider="none", now=NOON) == calls.Spent(tokens=0, money=0.0)


def test_answers_are_dropped_when_they_are_old_and_their_figures_are_kept() -> None:
    call = made(tokens=10, cost=0.5)
    limit = NOON + settings.MODEL_ANSWERS_KEPT
    assert calls.sweep(now=limit) == 0
    assert calls.sweep(now=limit + SECOND) == 1
    call.refresh_from_db()
    assert (call.answer, call.tokens_in, call.cost, call.outcome) == (None, 10, 0.5, Outcome.ANSWERED)


def test_a_question_whose_worker_died_is_said_to_be_cut_short() -> None:
    call = calls.begin(question(), provider="vllm", model="m", digest="d" * 64, now=NOON)
    calls.sweep(now=NOON + calls.STALE)
    call.refresh_from_db()
    assert call.outcome == Outcome.RUNNING
    calls.sweep(now=NOON + calls.STALE + SECOND)
    call.refresh_from_db()
    assert call.outcome == Outcome.CUT_SHORT


def test_what_was_asked_stands() -> None:
    call = made()
    for change in ({"provider": "other"}, {"input_digest": "e" * 64}, {"started_at": NOON + SECOND}):
        with pytest.raises(Error), transaction.atomic():
            ProviderCall.objects.filter(pk=call.pk).update(**change)
    with pytest.raises(Error), transaction.atomic():
        call.delete()
