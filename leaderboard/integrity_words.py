"""The figures of /integrity as its page tells them: at a glance, and in tables of which the worst rows are shown."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from arena.policies import UNLISTED_PLACE_KEPT
from evaluations.reasons import Reason
from leaderboard.completion import Completion
from leaderboard.concentration import COMPLETION_BELOW, COMPLETION_FROM, INFLUENCE, By, Limits, Share, Verdict
from leaderboard.integrity import Facts
from leaderboard.noise_words import in_one_sentence
from leaderboard.standing import PROVISIONAL_BELOW

ROWS_SHOWN = 20
STYLES = {Verdict.REVIEW: "bad", Verdict.WATCH: "caution", Verdict.WITHIN: "good", Verdict.UNTOLD: "untold"}
ONE_ALONE = "there is one alone"
EVALUATORS = "They go by their pseudonyms; who has none is left out."
TITLES = {
    By.EVALUATOR: "One evaluator",
    By.LAB: "One lab",
    By.OPPONENT: "One opponent",
    By.PAIR: "One pair of policies",
}


@dataclass(frozen=True)
class State:
    verdict: Verdict

    @property
    def style(self) -> str:
        return STYLES[self.verdict]


@dataclass(frozen=True)
class Line:
    """One check of the whole board. bar: what is drawn of it, as percentages of the width."""

    title: str
    anchor: str
    figure: str
    about: str
    threshold: str
    state: State
    bar: "Bar | None" = None


@dataclass(frozen=True)
class Bar:
    """A share with the thresholds that it is held against, all in percent of the width."""

    value: float
    watch: float | None
    review: float | None


@dataclass(frozen=True)
class ShareRow:
    share: Share
    source: str
    state: State

    @property
    def percent(self) -> float:
        return 100 * self.share.share

    @property
    def limits(self) -> str:
        limits = self.share.limits
        return ONE_ALONE if limits.watch > 1 else f"{percent(limits.watch)}, {percent(limits.review)}"

    @property
    def bar(self) -> Bar:
        return share_bar(self.share)


@dataclass(frozen=True)
class ShareTable:
    by: By
    rows: list[ShareRow]
    """The worst of them."""
    of_all: int
    states: str

    @property
    def title(self) -> str:
        return TITLES[self.by]


@dataclass(frozen=True)
class CompletionRow:
    completion: Completion
    name: str
    state: State
    reasons: list[tuple[str, int]]

    @property
    def percent(self) -> float:
        return 100 * (self.completion.rate or 0.0)

    @property
    def not_valid(self) -> int:
        return sum(self.completion.not_valid.values())

    @property
    def abandoned(self) -> int:
        return sum(self.completion.abandoned.values())

    @property
    def bar(self) -> Bar:
        return Bar(self.percent, 100 * COMPLETION_BELOW, None)


@dataclass(frozen=True)
class CompletionTable:
    title: str
    about: str
    rows: list[CompletionRow]
    of_all: int
    states: str


def page(facts: Facts) -> dict[str, Any]:
    return {
        "facts": facts,
        "scope": facts.scope,
        "glance": glance(facts),
        "checks": len(verdicts(facts)),
        "states": states_text(verdicts(facts)),
        "share_tables": [share_table(facts, by) for by in (By.EVALUATOR, By.LAB, By.OPPONENT)],
        "all": completion_row(facts.all, "All sessions"),
        "completion_tables": [
            completion_table("lab", facts.labs, names=facts.lab_names),
            completion_table("evaluator", facts.evaluators, about=EVALUATORS),
            completion_table("policy version", facts.versions, about="A session counts for both of its versions."),
            completion_table("pair of policies", facts.pairs),
        ],
        "influence": [(one.lab, State(one.verdict)) for one in facts.influence[:ROWS_SHOWN]],
        "noise": in_one_sentence(facts.noise) if facts.noise else "",
        "total": facts.all.assigned,
        "rows_shown": ROWS_SHOWN,
        "provisional_below": PROVISIONAL_BELOW,
        "completion_below": percent(COMPLETION_BELOW),
        "completion_from": COMPLETION_FROM,
        "influence_limits": INFLUENCE,
        "unlisted_max": settings.UNLISTED_VERSIONS_MAX,
        "unlisted_kept_days": UNLISTED_PLACE_KEPT.days,
    }


def verdicts(facts: Facts) -> list[Verdict]:
    """Of all that is held against a threshold."""
    of_labs = [one.verdict for one in facts.influence]
    found = (facts.all, *facts.labs, *facts.evaluators, *facts.versions, *facts.pairs)
    completed = [one.verdict for one in found]
    return [*(one.verdict for one in facts.shares), *completed, *of_labs]


def glance(facts: Facts) -> list[Line]:
    """The board as a whole. What it says of each version, and of each lab, is below it on the page."""
    whole = {one.by: one for one in facts.shares if not one.version}
    lines = [_share_line(facts, by, whole.get(by)) for by in (By.EVALUATOR, By.LAB, By.PAIR)]
    return [*lines, _completion_line(facts.all), _influence_line(facts)]


def _share_line(facts: Facts, by: By, share: Share | None) -> Line:
    title, anchor = f"Largest share of {TITLES[by].lower()}", "concentration"
    if share is None:
        return Line(title, anchor, "–", "no session is counted yet", "", State(Verdict.UNTOLD))
    about = f"{source_text(facts, share)}: {share.sessions} of {share.counted} sessions"
    figure = percent(share.share)
    return Line(title, anchor, figure, about, limits_text(share.limits), State(share.verdict), share_bar(share))


def _completion_line(one: Completion) -> Line:
    threshold = f"watch below {percent(COMPLETION_BELOW)}"
    if one.rate is None:
        return Line("Completion", "completion", "–", "no session has ended yet", threshold, State(one.verdict))
    about = f"{one.valid} of {one.assigned} sessions ended with a valid result"
    bar = Bar(100 * one.rate, 100 * COMPLETION_BELOW, None)
    return Line("Completion", "completion", percent(one.rate), about, threshold, State(one.verdict), bar)


def _influence_line(facts: Facts) -> Line:
    title, anchor = "Largest move without one lab", "influence"
    threshold = f"watch from {INFLUENCE.watch:g} or with another first, review from {INFLUENCE.review:g}"
    if not facts.influence:
        return Line(title, anchor, "–", "there is no board yet", threshold, State(Verdict.UNTOLD))
    worst = facts.influence[0]
    if worst.verdict is Verdict.UNTOLD:
        return Line(title, anchor, "–", "one lab alone has evaluated", threshold, State(worst.verdict))
    about = f"standard errors of the score of {worst.lab.of_policy}, without {worst.lab.name}"
    if worst.lab.changes_leader:
        about = f"{about}; {worst.lab.leader_without} would be first"
    return Line(title, anchor, f"{worst.lab.move:.1f}", about, threshold, State(worst.verdict))


def share_table(facts: Facts, by: By) -> ShareTable:
    found = [one for one in facts.shares if one.version and one.by is by]
    rows = [ShareRow(one, source_text(facts, one), State(one.verdict)) for one in found[:ROWS_SHOWN]]
    return ShareTable(by, rows, len(found), states_text(one.verdict for one in found))


def completion_table(
    title: str, found: Sequence[Completion], *, names: Mapping[str, str] | None = None, about: str = ""
) -> CompletionTable:
    """names: what stands for the names on the page, where they do not go by their own."""
    rows = [completion_row(one, (names or {}).get(one.name, one.name)) for one in found[:ROWS_SHOWN]]
    return CompletionTable(title, about, rows, len(found), states_text(one.verdict for one in found))


def completion_row(one: Completion, name: str) -> CompletionRow:
    words = dict(Reason.choices)
    counts = Counter(one.not_valid) + Counter(one.abandoned)
    reasons = [(str(words.get(reason, reason)), n) for reason, n in counts.most_common()]
    return CompletionRow(one, name, State(one.verdict), reasons)


def source_text(facts: Facts, share: Share) -> str:
    name = facts.lab_names.get(share.source, share.source) if share.by is By.LAB else share.source
    return name or "not named"


def states_text(verdicts: Iterable[Verdict]) -> str:
    counts = Counter(verdicts)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])


def percent(share: float) -> str:
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def limits_text(limits: Limits) -> str:
    if limits.watch > 1:
        return ONE_ALONE
    return f"watch from {percent(limits.watch)}, review from {percent(limits.review)}"


def share_bar(share: Share) -> Bar:
    watch, review = (100 * limit if limit <= 1 else None for limit in (share.limits.watch, share.limits.review))
    return Bar(100 * share.share, watch, review)
