"""Whether the blinding holds: how often evaluators named a policy rightly, beside how often chance would."""

from dataclasses import dataclass

from evaluations import guesses
from evaluations.guesses import HitRate
from evaluations.intervals import wilson_interval
from evaluations.scopes import Scope


@dataclass(frozen=True)
class BlindingCheck:
    """The hit rate of one body of evidence, in percent, with its interval."""

    scope: Scope
    found: HitRate
    share: float = 0.0
    low: float = 0.0
    high: float = 0.0
    chance: float = 0.0

    @property
    def sentence(self) -> str:
        if self.low > self.chance:
            return "Evaluators recognise policies more often than chance would: the blinding leaks."
        if self.high < self.chance:
            return "Evaluators hit less often than chance would: nothing suggests that they recognise policies."
        return "This is what chance alone may give: the guesses do not show that evaluators recognise policies."


def blinding_check(scope: Scope) -> BlindingCheck:
    found = guesses.hit_rate(scope)
    if not found.named:
        return BlindingCheck(scope, found)
    low, high = wilson_interval(found.hits, found.named)
    figures = (found.hits / found.named, low, high, found.by_chance / found.named)
    return BlindingCheck(scope, found, *(100 * figure for figure in figures))
