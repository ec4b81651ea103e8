"""A provider that fails is left alone, one whose day is used up waits for the next."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings

from reports import circuits, providers
from reports.circuits import FIRST_DELAY, OPENS_AFTER
from reports.models import Circuit, ProviderCall, Work
from reports.providers import Misconfigured, Temporary, Unusable, Waiting
from tests.workers.provider_server import ProviderServer, Says, fails
from tests.workers.providers.asking import RIGHT, ask, options_for, question
from workers.providers.admission import admitted

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def break_it(server: ProviderServer) -> None:
    server.always = fails(503)
    for number in range(OPENS_AFTER):
        with pytest.raises(Temporary):
            ask(server, question(f"number {number}"), now=NOON)
    server.asked.clear()


def test_a_dead_server_is_not_asked_until_its_probe(model_server: ProviderServer) -> None:
    break_it(model_server)
    rows = ProviderCall.objects.count()
    with pytest.raises(Waiting, match="waiting for test since 12:00 UTC: test answered 503"):
        ask(model_server, now=NOON + FIRST_DELAY - SECOND)
    assert model_server.asked == []
    assert ProviderCall.objects.count() == rows
    model_server.always = RIGHT
    assert ask(model_server, now=NOON + FIRST_DELAY + SECOND).value.model_dump() == RIGHT
    assert Circuit.objects.get().state == "closed"


def test_what_is_known_is_answered_by_a_dead_server_too(model_server: ProviderServer) -> None:
    model_server.script.append(RIGHT)
    ask(model_server, question("asked before"), now=NOON)
    break_it(model_server)
    assert ask(model_server, question("asked before"), now=NOON + SECOND).cached


def test_a_server_that_asks_for_time_gets_it(model_server: ProviderServer) -> None:
    break_it(model_server)
    model_server.always = fails(429, retry_after="1800")
    probe = NOON + FIRST_DELAY + SECOND
    with pytest.raises(Temporary):
        ask(model_server, now=probe)
    retry_at = Circuit.objects.get().retry_at
    assert retry_at is not None
    assert timedelta(seconds=1800) <= retry_at - probe < timedelta(seconds=1810)


def test_a_pause_that_one_question_is_told_of_is_kept_by_the_others(model_server: ProviderServer) -> None:
    model_server.script.append(fails(429, retry_after="60"))
    model_server.always = RIGHT
    with pytest.raises(Temporary):
        ask(model_server, now=NOON)
    with pytest.raises(Waiting) as caught:
        ask(model_server, question("another"), now=NOON + 59 * SECOND)
    assert caught.value.until >= NOON + 60 * SECOND
    assert len(model_server.asked) == 1
    assert ask(model_server, question("another"), now=caught.value.until).value.model_dump() == RIGHT


def test_a_refused_key_opens_the_circuit_at_once(model_server: ProviderServer) -> None:
    with pytest.raises(Misconfigured):
        ask(model_server, now=NOON, key="wrong")
    with pytest.raises(Waiting, match="401"):
        ask(model_server, now=NOON + 2 * SECOND)


def test_nonsense_is_no_failure_of_the_server(model_server: ProviderServer) -> None:
    model_server.always = Says("nonsense")
    for number in range(OPENS_AFTER + 1):
        with pytest.raises(Unusable):
            ask(model_server, question(f"number {number}"), now=NOON)
    assert circuits.open_circuits() == []


def test_a_probe_that_finds_no_place_is_left_to_the_next(
    model_server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_it(model_server)
    due, options = NOON + FIRST_DELAY + SECOND, options_for(model_server, concurrency=1)
    monkeypatch.setattr("workers.providers.conversation.admitted", lambda options: admitted(options, patience_s=0.0))
    with admitted(options), pytest.raises(Waiting, match="under way"):
        ask(model_server, now=due, concurrency=1)
    model_server.always = RIGHT
    assert ask(model_server, now=due + SECOND, concurrency=1).value.model_dump() == RIGHT


@pytest.mark.parametrize(
    "limit",
    [{"tokens_per_day": 240}, {"budget_per_day": 0.0006, "price_in": 1.0, "price_out": 10.0}],
    ids=["tokens", "money"],
)
def test_a_day_that_is_used_up_ends_at_midnight_utc(model_server: ProviderServer, limit: dict[str, Any]) -> None:
    model_server.always = RIGHT
    for number in range(2):  # 120 tokens each, or 0.0003
        ask(model_server, question(f"number {number}"), now=NOON, **limit)
    midnight = NOON.replace(hour=0) + timedelta(days=1)
    with pytest.raises(Waiting, match="used up until 00:00 UTC") as caught:
        ask(model_server, now=midnight - SECOND, **limit)
    assert caught.value.until == midnight
    assert len(model_server.asked) == 2
    assert ask(model_server, question("number 1"), now=NOON, **limit).cached
    assert not ask(model_server, now=midnight, **limit).cached


def test_what_failed_counts_for_the_day_as_well(model_server: ProviderServer) -> None:
    model_server.always = Says("nonsense")
    with pytest.raises(Unusable):
        ask(model_server, now=NOON, tokens_per_day=200)
    with pytest.raises(Waiting, match="used up"):
        ask(model_server, now=NOON, tokens_per_day=200)


def test_the_providers_of_the_settings_are_found(model_server: ProviderServer) -> None:
    blind, seeing = options_for(model_server, vision=False), options_for(model_server)
    with override_settings(MODEL_PROVIDERS=(blind, seeing)):
        writer, tagger = providers.for_writing(), providers.for_tagging()
        assert writer is not None
        assert tagger is not None
        assert (writer.sees_pictures, tagger.sees_pictures) == (False, True)
        assert providers.named("test") is writer
        assert providers.for_tagging() is tagger
    with override_settings(MODEL_PROVIDERS=(options_for(model_server, model=""),)):
        assert providers.for_writing() is None
    assert providers.configured() == ()


def test_a_server_that_is_back_wakes_the_work_that_waits_for_it(model_server: ProviderServer) -> None:
    """Not only when the probe's lease is over, which those were told who came meanwhile."""
    break_it(model_server)
    piece = Work.objects.create(
        kind=Work.Kind.TAG_SESSION, subject="s1", waits_for="test", next_try_at=NOON + timedelta(hours=1)
    )
    probe = NOON + FIRST_DELAY + SECOND
    with pytest.raises(Temporary) as caught:
        ask(model_server, now=probe)
    assert caught.value.was_probe
    model_server.always = RIGHT
    retry_at = Circuit.objects.get().retry_at
    assert retry_at is not None
    ask(model_server, now=retry_at)
    piece.refresh_from_db()
    assert retry_at <= piece.next_try_at < retry_at + 5 * SECOND
