"""Can this server be used, and how well? Each check is one or two short questions to the real thing."""

import io
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from statistics import median
from typing import Any, Literal

from PIL import Image, ImageDraw
from pydantic import BaseModel, ConfigDict

from reports.providers import Misconfigured, Picture, ProviderError, Purpose, Question
from workers.providers import manners
from workers.providers.exchange import Exchange, Refused, Said
from workers.providers.manners import Manner, Mode
from workers.providers.options import Options
from workers.providers.reading import Unfit, value_of

MOST_TOKENS = 1500
"""Of an answer: models that think need room for it."""
WORDS_OF_LONG_QUESTION = 3000
COLOURS = {"red": (210, 30, 30), "green": (30, 150, 50), "blue": (30, 60, 210)}
_PICTURE_SIDE, _CELLS = 448, 2
_NO_MODEL = "no-model-has-this-name"


class Counted(BaseModel):
    """How many there are, and their colour."""

    model_config = ConfigDict(extra="forbid")

    number: int
    colour: Literal["red", "green", "blue"]


class Result(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "could not check"


@dataclass(frozen=True)
class Finding:
    name: str
    result: Result
    words: str
    is_needed: bool = False
    seconds: float = 0.0


Verdict = tuple[Result, str]


@dataclass
class Contract:
    options: Options
    exchange: Exchange
    findings: list[Finding] = field(default_factory=list)
    manner: Manner = field(default_factory=lambda: Manner(Mode.PROMPT))
    said: list[tuple[float, Said]] = field(default_factory=list)

    def check(self) -> list[Finding]:
        self._note("reached", self._reached, is_needed=True)
        if not self._passed("reached"):
            return self.findings
        self._note("plain answer", self._plain, is_needed=True)
        for mode in Mode:
            self._note(mode.value, lambda mode=mode: self._structured(mode))  # type: ignore[misc]
        self._note("structured answer", self._any_mode, is_needed=True)
        self._note("right answer", self._right, is_needed=True)
        self._note("picture", self._picture, is_needed=self.options.vision)
        self._note("long question", self._long)
        self._note("usage figures", self._usage)
        self._note("unknown model", self._unknown_model)
        self._note("speed", self._speed)
        return self.findings

    @property
    def is_usable(self) -> bool:
        return all(one.result is Result.PASSED for one in self.findings if one.is_needed)

    def _note(self, name: str, check: Callable[[], Verdict], *, is_needed: bool = False) -> None:
        began = time.monotonic()
        try:
            result, words = check()
        except ProviderError as error:
            result, words = Result.FAILED, str(error)
        seconds = round(time.monotonic() - began, 2)
        self.findings.append(Finding(name, result, words, is_needed, seconds))

    def _passed(self, name: str) -> bool:
        return any(one.name == name and one.result is Result.PASSED for one in self.findings)

    def _reached(self) -> Verdict:
        try:
            names = self.exchange.models()
        except (Misconfigured, Refused) as error:
            return Result.PASSED, f"It answers, and lists no models: {error}"
        if self.options.model in names:
            return Result.PASSED, f"It answers, and lists the model among {len(names)}."
        return Result.PASSED, f"It answers, and lists {len(names)} models, not this one."

    def _plain(self) -> Verdict:
        text = self._say([{"role": "user", "content": "Answer with one word: ready"}]).text.strip()
        return (Result.PASSED, f"It said {_shown(text)}") if text else (Result.FAILED, "It said nothing.")

    def _structured(self, mode: Mode) -> Verdict:
        """Whether the form is right; what it says is looked at apart."""
        asked = _question("There are 2 red cups on the table, and nothing else. Count the cups.")
        try:
            found = self._counted(asked, mode)
        except Unfit as unfit:
            return Result.FAILED, f"The answer does not fit: {unfit.problem}"
        return Result.PASSED, f"It fits: {found.number} {found.colour}."

    def _any_mode(self) -> Verdict:
        best = self._best_mode()
        if best is None:
            return Result.FAILED, "In none of the three ways does an answer fit."
        return Result.PASSED, f"It will be asked for {best}."

    def _right(self) -> Verdict:
        number, colour = 2 + secrets.randbelow(5), secrets.choice(list(COLOURS))
        asked = _question(f"There are {number} {colour} cups on the table, and nothing else. Count the cups.")
        return self._compared(asked, number, colour)

    def _picture(self) -> Verdict:
        number, colour = 1 + secrets.randbelow(4), secrets.choice(list(COLOURS))
        asked = _question("Count the squares in the picture. All have the same colour.", drawing(number, colour))
        return self._compared(asked, number, colour)

    def _compared(self, asked: Question[Counted], number: int, colour: str) -> Verdict:
        mode = self._best_mode()
        if mode is None:
            return Result.UNKNOWN, "No answer fits the form."
        try:
            found = self._counted(asked, mode)
        except Unfit as unfit:
            return Result.FAILED, f"The answer does not fit: {unfit.problem}"
        is_right = (found.number, found.colour) == (number, colour)
        words = f"It says {found.number} {found.colour}; there are {number} {colour}."
        return (Result.PASSED if is_right else Result.FAILED), words

    def _long(self) -> Verdict:
        """Some servers cut what does not fit, and say nothing."""
        word = f"{secrets.choice(list(COLOURS))}-{secrets.randbelow(9000) + 1000}"
        filler = "The robot moves the cup. " * (WORDS_OF_LONG_QUESTION // 5)
        text = f"The secret word is {word}. Remember it.\n{filler}\nAnswer with the secret word alone."
        said = self._say([{"role": "user", "content": text}]).text
        if word in said:
            return Result.PASSED, f"After {WORDS_OF_LONG_QUESTION} words it remembers the first."
        return Result.FAILED, f"After {WORDS_OF_LONG_QUESTION} words it does not remember the first: {_shown(said)}"

    def _usage(self) -> Verdict:
        if not self.said:
            return Result.UNKNOWN, "It answered nothing."
        if all(one.tokens_in is not None and one.tokens_out is not None for _, one in self.said):
            return Result.PASSED, "Each answer says its tokens."
        return Result.FAILED, "Answers do not say their tokens: they will be guessed."

    def _unknown_model(self) -> Verdict:
        try:
            self._say([{"role": "user", "content": "ready?"}], model=_NO_MODEL)
        except (Misconfigured, Refused) as error:
            return Result.PASSED, f"It is refused: {error}"
        return Result.FAILED, "It answers under any name: a mistyped one is not noticed."

    def _speed(self) -> Verdict:
        if not self.said:
            return Result.UNKNOWN, "It answered nothing."
        seconds = median(one for one, _ in self.said)
        return Result.PASSED, f"{len(self.said)} answers, {seconds:.2f} s in the middle."

    def _best_mode(self) -> Mode | None:
        return next((mode for mode in Mode if self._passed(mode.value)), None)

    def _counted(self, asked: Question[Counted], mode: Mode) -> Counted:
        said = self._say(manners.messages_of(asked, mode), mode=mode)
        return value_of(said.text, Counted, was_cut=said.was_cut)

    def _say(self, messages: list[dict[str, Any]], *, mode: Mode = Mode.PROMPT, **more: Any) -> Said:
        """Parameters that are refused are left out from then on; the mode stays."""
        while True:
            request = replace(self.manner, mode=mode).request(messages, Counted, most=MOST_TOKENS)
            began = time.monotonic()
            try:
                said = self.exchange.say(**request, **more)
            except Refused as refused:
                other = self.manner.without_what_is_refused(str(refused))
                if other is None:
                    raise
                self.manner = other
            else:
                self.said.append((time.monotonic() - began, said))
                return said


def drawing(number: int, colour: str) -> Picture:
    """At most four squares, apart from each other."""
    canvas = Image.new("RGB", (_PICTURE_SIDE, _PICTURE_SIDE), (245, 245, 245))
    draw, cell = ImageDraw.Draw(canvas), _PICTURE_SIDE // _CELLS
    for place in range(number):
        left, top = place % _CELLS * cell + cell // 4, place // _CELLS * cell + cell // 4
        draw.rectangle((left, top, left + cell // 2, top + cell // 2), fill=COLOURS[colour])
    kept = io.BytesIO()
    canvas.save(kept, "JPEG", quality=90)
    return Picture(jpeg=kept.getvalue(), title="the picture")


def _question(text: str, *pictures: Picture) -> Question[Counted]:
    return Question(
        purpose=Purpose.CONTRACT,
        prompt_version="contract-1",
        system="You count things and name their colour.",
        text=text,
        schema=Counted,
        pictures=pictures,
    )


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 60 else f"{line[:60]}…")
