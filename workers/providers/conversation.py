"""One question to one server, until there is a value that fits or an error says why not: other manners where one is
refused, two short repeats where a request fails for now, one repair where the answer does not fit.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from reports.providers import Question, Reply, Temporary, Unusable
from workers.providers import manners
from workers.providers.admission import admitted
from workers.providers.exchange import Exchange, Refused, Said
from workers.providers.manners import Manner, Mode
from workers.providers.options import Options
from workers.providers.reading import Unfit, value_of

REPEATS = 2
# A longer wait is the caller's: it can do something else meanwhile.
LONGEST_WAIT_S = 5.0
_MESSAGE_SHOWN = 20_000
_SIGNS_OF_TOKEN = 3
_TOKENS_OF_PICTURE = 1000


@dataclass
class Ledger:
    """What a question has taken so far, whatever becomes of it."""

    mode: Mode | None = None
    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    is_guessed: bool = False

    def count(self, said: Said, question: Question[Any], messages: Sequence[dict[str, Any]]) -> None:
        """A server that gives no figures is not therefore free."""
        tokens_in = said.tokens_in if said.tokens_in is not None else _guess(messages, len(question.pictures))
        tokens_out = said.tokens_out if said.tokens_out is not None else len(said.text) // _SIGNS_OF_TOKEN + 1
        self.is_guessed |= said.tokens_in is None or said.tokens_out is None
        self.tokens_in += tokens_in
        self.tokens_out += tokens_out


@dataclass
class Conversation(Generic[Reply]):
    options: Options
    exchange: Exchange
    question: Question[Reply]
    before_first: Callable[[], object] = lambda: None
    """Called once it is certain that the server is asked."""
    ledger: Ledger = field(default_factory=Ledger)
    began: float = field(default_factory=time.monotonic)

    def value(self) -> Reply:
        manner, said, messages = self._first(manners.remembered(self.options))
        try:
            return self._read(said)
        except Unfit as unfit:
            return self._repaired(manner, said, messages, unfit)

    def _first(self, manner: Manner) -> tuple[Manner, Said, list[dict[str, Any]]]:
        """Down from what the server is known to understand. What it took is remembered."""
        before = manner
        while True:
            messages = manners.messages_of(self.question, manner.mode)
            try:
                said = self._say(manner, messages)
            except Refused as refused:
                lesser = manner.without_what_is_refused(str(refused))
                if lesser is None:
                    raise Unusable(str(refused)) from None
                manner = lesser
                continue
            if manner != before:
                manners.remember(self.options, manner)
            return manner, said, messages

    def _repaired(self, manner: Manner, said: Said, messages: list[dict[str, Any]], unfit: Unfit) -> Reply:
        if manner.mode.lesser and not unfit.says_json and said.text and not said.was_cut:
            # It took the schema and did not keep to it: the next question says it in a lesser way.
            manners.remember(self.options, Manner(manner.mode.lesser, manner.limit, manner.is_cool))
        turn = [
            {"role": "assistant", "content": said.text[:_MESSAGE_SHOWN] or "{}"},
            {"role": "user", "content": manners.repair_of(unfit.problem, self.question.schema)},
        ]
        try:
            return self._read(self._say(manner, [*messages, *turn]))
        except Unfit as still:
            raise Unusable(f"{self.options.name} gave no usable answer, twice. {still.problem}") from None
        except Refused as refused:
            raise Unusable(str(refused)) from None

    def _read(self, said: Said) -> Reply:
        if said.refuses:
            raise Unusable(f"{self.options.name} refuses to answer this question.")
        return value_of(said.text, self.question.schema, was_cut=said.was_cut)

    def _say(self, manner: Manner, messages: list[dict[str, Any]]) -> Said:
        request = manner.request(messages, self.question.schema, most=self.question.max_tokens)
        for repeat in range(REPEATS + 1):
            try:
                said = self._ask_once(manner, request)
            except Temporary as failure:
                wait = self._wait_after(failure, repeat)
                if wait is None:
                    raise
                time.sleep(wait)
            else:
                self.ledger.count(said, self.question, messages)
                return said
        raise AssertionError("the last repeat raises")

    def _ask_once(self, manner: Manner, request: dict[str, Any]) -> Said:
        if self._is_late(0.0):
            raise Temporary(f"{self.options.name} takes too long for one question.")
        with admitted(self.options):
            if not self.ledger.requests:
                self.before_first()
            self.ledger.mode = manner.mode
            self.ledger.requests += 1
            return self.exchange.say(**request)

    def _wait_after(self, failure: Temporary, repeat: int) -> float | None:
        """None where the caller is to come back later."""
        own = self.options.backoff_s * (1 << repeat)
        wait = max(own * random.uniform(0.5, 1.5), failure.retry_after_s or 0.0)  # noqa: S311  no secret
        return None if repeat == REPEATS or wait > LONGEST_WAIT_S or self._is_late(wait) else wait

    def _is_late(self, wait: float) -> bool:
        return time.monotonic() + wait - self.began > 2 * self.options.timeout_s


def _guess(messages: Sequence[dict[str, Any]], pictures: int) -> int:
    texts = [_text(message["content"]) for message in messages]
    return sum(map(len, texts)) // _SIGNS_OF_TOKEN + pictures * _TOKENS_OF_PICTURE


def _text(content: str | list[dict[str, Any]]) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
