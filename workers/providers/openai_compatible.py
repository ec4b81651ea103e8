"""A provider behind any server that speaks the OpenAI API. Each question is a row, and is asked once."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

from django.conf import settings

from reports import calls, circuits, work
from reports.circuits import Entry
from reports.models import ProviderCall
from reports.providers import Answer, Misconfigured, Provider, Question, Reply, Temporary, Unusable, Waiting
from workers.providers.conversation import Conversation, Ledger
from workers.providers.exchange import Exchange
from workers.providers.options import Options

Outcome = ProviderCall.Outcome


@dataclass(frozen=True)
class OpenAICompatible:
    options: Options

    @property
    def name(self) -> str:
        return self.options.name

    @property
    def model(self) -> str:
        return self.options.model

    @property
    def sees_pictures(self) -> bool:
        return self.options.vision

    @cached_property
    def exchange(self) -> Exchange:
        return Exchange(self.options)

    def ask(self, question: Question[Reply], *, now: datetime) -> Answer[Reply]:
        """The answer that is known, or a new one. Raises a ProviderError."""
        if question.pictures and not self.sees_pictures:
            raise Misconfigured(f"{self.name} sees no pictures: MODEL_{self.name.upper()}_VISION says so.")
        digest = calls.input_digest(question, model=self.model)
        found = calls.known(question, digest=digest)
        if found is not None:
            return _answer(found[0], found[1], cached=True)
        self._require_budget(now)
        entry = circuits.enter(provider=self.name, now=now, lease=self._lease)
        return _Attempt(self, question, digest, entry, now).answer()

    @property
    def _lease(self) -> timedelta:
        return self.options.longest_question + timedelta(minutes=1)

    def _require_budget(self, now: datetime) -> None:
        most_tokens, most_money = self.options.tokens_per_day, self.options.budget_per_day
        if not (most_tokens or most_money):
            return
        spent = calls.spent(provider=self.name, now=now)
        if (most_tokens and spent.tokens >= most_tokens) or (most_money and spent.money >= most_money):
            tomorrow = calls.day_of(now) + timedelta(days=1)
            raise Waiting(f"What {self.name} may cost on one day is used up until 00:00 UTC.", until=tomorrow)


@dataclass
class _Attempt:
    """One question on its way: whatever happens, its row and the circuit are told."""

    provider: OpenAICompatible
    question: Question[Any]
    digest: str
    entry: Entry
    now: datetime
    began: float = field(default_factory=time.monotonic)
    ledger: Ledger = field(default_factory=Ledger)
    call: ProviderCall | None = None

    def answer(self) -> Answer[Any]:
        try:
            value = self._conversation().value()
        except Temporary as failure:
            self._finish(Outcome.TEMPORARY, str(failure))
            circuits.failed(entry=self.entry, now=self._then, problem=str(failure), retry_after_s=failure.retry_after_s)
            failure.was_probe = self.entry.probing_since is not None
            raise
        except Misconfigured as failure:
            self._finish(Outcome.MISCONFIGURED, str(failure))
            circuits.failed(entry=self.entry, now=self._then, problem=str(failure), at_once=True)
            raise
        except Unusable as failure:
            self._finish(Outcome.UNUSABLE, str(failure))
            self._it_answers()
            raise
        except Waiting as wait:
            if self.ledger.requests:
                self._finish(Outcome.GIVEN_BACK, str(wait))
            circuits.gave_back(entry=self.entry, now=self._then)
            raise
        except BaseException as error:
            self._finish(Outcome.CUT_SHORT, type(error).__name__)
            circuits.gave_back(entry=self.entry, now=self._then)
            raise
        call = self._finish(Outcome.ANSWERED, answer=value.model_dump(mode="json"))
        self._it_answers()
        return _answer(call, value)

    def _it_answers(self) -> None:
        if circuits.succeeded(entry=self.entry):
            work.wake(service=self.provider.name, now=self._then)

    def _conversation(self) -> Conversation[Any]:
        """Its row is there before the server is asked: that it was asked is known, whoever dies."""
        options, exchange = self.provider.options, self.provider.exchange
        return Conversation(options, exchange, self.question, self._begin, self.ledger)

    def _begin(self) -> ProviderCall:
        if self.call is None:
            name, model = self.provider.name, self.provider.model
            self.call = calls.begin(self.question, provider=name, model=model, digest=self.digest, now=self.now)
        return self.call

    def _finish(self, outcome: ProviderCall.Outcome, problem: str = "", answer: Any = None) -> ProviderCall:
        call, ledger = self._begin(), self.ledger
        call.seconds = round(time.monotonic() - self.began, 3)
        call.mode, call.requests = ledger.mode or "", ledger.requests
        call.tokens_in, call.tokens_out, call.tokens_guessed = ledger.tokens_in, ledger.tokens_out, ledger.is_guessed
        call.cost = self.provider.options.cost(call.tokens_in, call.tokens_out)
        calls.finish(call, outcome=outcome, problem=problem, answer=answer)
        return call

    @property
    def _then(self) -> datetime:
        return self.now + timedelta(seconds=time.monotonic() - self.began)


def _answer(call: ProviderCall, value: Reply, *, cached: bool = False) -> Answer[Reply]:
    """One that is known costs nothing more."""
    return Answer(
        value=value,
        provider=call.provider,
        model=call.model,
        prompt_version=call.prompt_version,
        tokens_in=0 if cached else call.tokens_in,
        tokens_out=0 if cached else call.tokens_out,
        cost=None if cached else call.cost,
        seconds=0.0 if cached else call.seconds or 0.0,
        cached=cached,
    )


@lru_cache(maxsize=32)
def _provider(options: Options) -> OpenAICompatible:
    """The same for the same settings: it keeps connections."""
    return OpenAICompatible(options)


def configured() -> tuple[Provider, ...]:
    """In the order of the settings; one without its address or model cannot be asked, which `manage.py check` says."""
    return tuple(_provider(options) for options in settings.MODEL_PROVIDERS if options.url and options.model)
