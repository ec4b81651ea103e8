"""Is a claim true of the records that it cites? Pure: a claim and the evidence in, what is wrong with it out.

What can be decided from the records is decided here, whoever wrote the claim and whatever talked them into it: that
cited sessions exist and are this policy's, that each shows what it is cited for, that the direction of the words is
the direction of the figures, that each number stands in the evidence, that nobody else is named.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from leaderboard.estimates import Estimate
from reports.evidence import themes
from reports.evidence.items import Evidence, Group, Item, Verdict
from reports.evidence.meetings import Meeting, Outcome
from reports.writing.claims import FAR_FROM, NOT_FAR_BELOW, Citation, Claim, Section, Shows


@dataclass(frozen=True)
class Problem:
    """code: stable, counted on the report. words: for the writer, who may repair the claim once."""

    code: str
    words: str


def problems(claim: Claim, evidence: Evidence, *, other_names: Collection[str] = ()) -> list[Problem]:
    """All that is wrong with a claim; none where it may be published.

    other_names: names of policies that this report must not speak of; those of opponents may be named where the
    evidence that is cited is on them.
    """
    items = [evidence.by_id[one] for one in claim.evidence if one in evidence.by_id]
    found = [*_unknown(claim, evidence), *_form(claim.text)]
    if not items:
        return found
    cited = [(one, evidence.meetings[one.session]) for one in claim.citations if one.session in evidence.meetings]
    found += _outside(cited, items)
    found += [one for citation, meeting in cited for one in _contradicted(citation, meeting)]
    found += _direction(claim, items, cited)
    found += _words_against_figures(claim.text, items)
    found += _numbers(claim.text, evidence, items, cited)
    found += _names(claim.text, evidence, items, cited, other_names)
    return found


def _unknown(claim: Claim, evidence: Evidence) -> Iterator[Problem]:
    for one in claim.evidence:
        if one not in evidence.by_id:
            yield Problem("unknown-evidence", f"There is no evidence {one}.")
    for citation in claim.citations:
        if citation.session not in evidence.meetings:
            yield Problem("unknown-session", f"{citation.session} is no session of {evidence.subject}.")


def _outside(cited: Sequence[tuple[Citation, Meeting]], items: Sequence[Item]) -> Iterator[Problem]:
    inside = {session for item in items for session in item.sessions}
    for citation, _ in cited:
        if citation.session not in inside:
            yield Problem("outside-evidence", f"{citation.session} belongs to none of the evidence that is named.")


def _contradicted(citation: Citation, meeting: Meeting) -> Iterator[Problem]:
    if not shown(citation, meeting):
        detail = f" ({citation.detail})" if citation.detail else ""
        yield Problem("contradicted", f"{citation.session} does not show “{citation.shows.value}”{detail}.")


def shown(citation: Citation, meeting: Meeting) -> bool:
    """Whether the record of the session shows what it is cited for."""
    return _SHOWN[citation.shows](meeting, citation.detail)


def _ahead(meeting: Meeting) -> float:
    """How much further it got than its opponent; 0 where that is not known of both."""
    if meeting.progress is None or meeting.theirs is None:
        return 0.0
    return meeting.progress - meeting.theirs


def _is_noted(meeting: Meeting, theme: str) -> bool:
    remarks = themes.remarks(meeting.notes)
    return any(one.theme.key == theme and meeting.label in one.labels for one in remarks)


_SHOWN: dict[Shows, Callable[[Meeting, str], bool]] = {
    Shows.WON: lambda one, _: one.outcome is Outcome.WON,
    Shows.TIED: lambda one, _: one.outcome is Outcome.TIED,
    Shows.LOST: lambda one, _: one.outcome is Outcome.LOST,
    Shows.GOT_FURTHER: lambda one, _: _ahead(one) > 0,
    Shows.FELL_BEHIND: lambda one, _: _ahead(one) < 0,
    Shows.FAR: lambda one, _: one.progress is not None and one.progress >= FAR_FROM,
    Shows.NOT_FAR: lambda one, _: one.progress is not None and one.progress < NOT_FAR_BELOW,
    Shows.SUCCEEDED: lambda one, _: one.success is True,
    Shows.DID_NOT_SUCCEED: lambda one, _: one.success is False,
    Shows.FAILURE: lambda one, mode: mode in one.failures,
    Shows.RECOVERED: lambda one, _: one.recovered is True,
    Shows.NOTED: _is_noted,
}


# Direction

_GOOD_SHOWS = frozenset({Shows.WON, Shows.GOT_FURTHER, Shows.FAR, Shows.SUCCEEDED, Shows.RECOVERED})
_BAD_SHOWS = frozenset({Shows.LOST, Shows.FELL_BEHIND, Shows.NOT_FAR, Shows.DID_NOT_SUCCEED, Shows.FAILURE})
_MUST_BE = {Section.STRENGTHS: "good", Section.WEAKNESSES: "bad"}


def tendency(item: Item) -> int:
    """1 where an item certifies something good of the policy, -1 something bad, 0 neither."""
    if item.group is Group.OBSERVATION:
        return 0
    if item.good is not None:  # what went well, or wrong, and decided those sessions
        return item.leads if item.leads == (1 if item.good else -1) else 0
    good = item.verdict is Verdict.BETTER or item.leads == 1
    bad = item.verdict is Verdict.WORSE or item.leads == -1
    return int(good) - int(bad)


def leaning(item: Item) -> int:
    """Where an item points, certified or not. What a model read in notes points only where the outcomes do, too."""
    outcomes = (item.win_share.value > 0.5) - (item.win_share.value < 0.5)
    if item.group is Group.OBSERVATION:
        return outcomes if outcomes == (1 if item.good else -1) else 0
    if item.good is not None:
        return 1 if item.good else -1
    if item.verdict is not Verdict.NONE:
        return 1 if item.verdict is Verdict.BETTER else -1
    return outcomes


def is_certain(claim: Claim, evidence: Evidence) -> bool:
    """Whether the figures certify the claim's direction; else it is a hint, and is marked as one."""
    wanted = {"good": 1, "bad": -1, "neutral": 0}[claim.direction]
    return wanted != 0 and any(tendency(evidence.by_id[one]) == wanted for one in claim.evidence)


def _direction(claim: Claim, items: Sequence[Item], cited: Sequence[tuple[Citation, Meeting]]) -> Iterator[Problem]:
    must = _MUST_BE.get(claim.section)
    if must is not None and claim.direction != must:
        yield Problem("wrong-section", f"A claim under {claim.section.value} says something {must}.")
    if claim.direction == "neutral":
        return
    wanted = 1 if claim.direction == "good" else -1
    leanings = [leaning(item) for item in items]
    if wanted not in leanings:
        yield Problem("direction", f"The figures do not point to something {claim.direction}.")
    against = _BAD_SHOWS if wanted == 1 else _GOOD_SHOWS
    along = _GOOD_SHOWS if wanted == 1 else _BAD_SHOWS
    shows = [citation.shows for citation, _ in cited]
    if sum(one in against for one in shows) > sum(one in along or one is Shows.NOTED for one in shows):
        yield Problem("direction", "Most of the cited sessions show the opposite.")


# Words

# Right before the word, or nearly: what is denied further away is something else.
_DENIED = re.compile(
    r"(?:\b(?:not(?! only| just)|never|rarely|seldom|hardly|no|neither|less|fewer|without)|n't)\s+(?:\w+\s+){0,2}$",
    re.IGNORECASE,
)
_WINS = re.compile(
    r"\b(?:wins? (?:more|most|over|against)|beats?|outperforms?|(?:better|stronger) than|(?:is|was) preferred"
    r"|superior|dominates?|the best)\b",
    re.IGNORECASE,
)
_LOSES = re.compile(
    r"\b(?:loses? (?:more|most|to|against)|(?:is|was) (?:beaten|outperformed)|(?:worse|weaker) than|inferior"
    r"|the worst)\b",
    re.IGNORECASE,
)
# Words of praise and of blame, which need a figure that points the same way; no model may talk itself into them.
_PRAISE = re.compile(
    r"\b(?:excellent|superb|outstanding|impressive|remarkabl[ey]|exceptional(?:ly)?|amazing|great|brilliant|reliabl[ey]"
    r"|robust|strong(?:ly)?|skil(?:led|ful)|capable|competent|trustworthy|leading|leads|top|state of the art|succeeds"
    r"|good at|good policy)\b",
    re.IGNORECASE,
)
_BLAME = re.compile(
    r"\b(?:terribl[ey]|awful(?:ly)?|poor(?:ly)?|weak(?:ly)?|unreliabl[ey]|useless|hopeless|incompetent|dangerous(?:ly)?"
    r"|bad at|bad policy|broken|struggles)\b",
    re.IGNORECASE,
)
_ABSOLUTE = re.compile(
    r"\b(?:always|never|every time|without exception|in all|all of its|none of its|perfect(?:ly)?|flawless(?:ly)?)\b",
    re.IGNORECASE,
)
_MARKUP = re.compile(
    r"https?:|www\.|[<>`\[\]{}]|\*\*|__|^#|\bpolicy [AB]\b|\bside [AB]\b", re.IGNORECASE | re.MULTILINE
)
_SENTENCE = re.compile(r"(?<=[.;!?])\s+|\bwhile\b|\bbut\b|\bwhereas\b")


def _form(text: str) -> Iterator[Problem]:
    if not text.isprintable() or _MARKUP.search(text):
        yield Problem("form", "Plain words only: no markup, addresses or sides; name sessions as citations.")


def _words_against_figures(text: str, items: Sequence[Item]) -> Iterator[Problem]:
    """Words that say who is better are held against the outcomes, praise and blame against all figures."""
    outcomes = [item for item in items if item.group not in (Group.FAILURE, Group.THEME, Group.OBSERVATION)]
    for pattern, sign, among in (
        (_WINS, 1, outcomes),
        (_LOSES, -1, outcomes),
        (_PRAISE, 1, items),
        (_BLAME, -1, items),
    ):
        for sentence in _SENTENCE.split(text):
            said = any(not _DENIED.search(sentence[: found.start()]) for found in pattern.finditer(sentence))
            if said and not any(leaning(item) == sign for item in among):
                yield Problem("words-against-figures", f"The figures do not say so: “{sentence.strip()}”")
    if _ABSOLUTE.search(text) and not any(_is_absolute(item) for item in items):
        yield Problem("too-strong", "Always, never, all and none are said only of what has no exception.")


def _is_absolute(item: Item) -> bool:
    figures = [item.win_share, item.success, item.progress]
    return any(one is not None and one.value in (0.0, 1.0) for one in figures) or item.n == item.of > 1


# Numbers

_NUMBER = re.compile(r"(?<![\w.])(\d+(?:[.,]\d+)?)\s*(%|percent\b|per cent\b)?")
# `one` is more often a pronoun.
_WORDS = "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_IN_WORDS = {word: number for number, word in enumerate(_WORDS.split(" "), start=2)}
_WORD_NUMBER = re.compile(
    rf"\b({'|'.join(_IN_WORDS)})\b(?=\s+(?:of|out of|sessions?|times?|rollouts?|wins?|losses|ties)\b)", re.IGNORECASE
)
HALF_A_STEP = {True: 0.5, False: 0.05}


def _numbers(
    text: str, evidence: Evidence, items: Sequence[Item], cited: Sequence[tuple[Citation, Meeting]]
) -> Iterator[Problem]:
    """Each number must be a figure of the evidence named, of the whole, or of a cited session."""
    plain = _without_names(text, evidence)
    whole = [evidence.overall] if evidence.overall else []
    counts, percents = _figures([*items, *whole], [meeting for _, meeting in cited])
    for found in _NUMBER.finditer(plain):
        digits, percent = found[1].replace(",", "."), bool(found[2])
        value = float(digits)
        slack = HALF_A_STEP["." not in digits]
        fits = any(abs(value - one) <= slack for one in percents) if percent else value in counts
        if not fits and not (not percent and any(abs(value - one) <= slack for one in percents)):
            yield Problem("number", f"{found[0].strip()} stands in none of the evidence named.")
    for found in _WORD_NUMBER.finditer(plain):
        if _IN_WORDS[found[1].lower()] not in counts:
            yield Problem("number", f"“{found[1]}” stands in none of the evidence named.")


def _figures(items: Sequence[Item], meetings: Sequence[Meeting]) -> tuple[set[float], list[float]]:
    """The counts, and the shares in percent, that a claim may tell."""
    counts = {float(one) for item in items for one in (item.n, item.of, item.won, item.tied, item.lost)}
    counts |= {float(len(items)), float(len(meetings))}
    counts |= {round(moment, 1) for meeting in meetings for moment in meeting.moments.values()}
    intervals: list[Estimate | None] = [one for item in items for one in (item.win_share, item.progress, item.success)]
    shares = [figure for one in intervals if one for figure in (one.value, one.low, one.high)]
    shares += [part / item.n for item in items for part in (item.won, item.tied, item.lost)]
    shares += [item.share_of_all for item in items]
    shares += [one for meeting in meetings for one in (meeting.progress, meeting.theirs) if one is not None]
    return counts, [100 * share for share in shares]


# Names


def _names(
    text: str,
    evidence: Evidence,
    items: Sequence[Item],
    cited: Sequence[tuple[Citation, Meeting]],
    other_names: Collection[str],
) -> Iterator[Problem]:
    """Nobody is named on whom no evidence is given."""
    may = {evidence.subject, evidence.other or ""} | {meeting.opponent for _, meeting in cited}
    may |= {item.key for item in items if item.group is Group.OPPONENT}
    allowed = {name for label in may for name in (label, label.partition("@")[0])}
    known = {name for label in evidence.opponents for name in (label, label.partition("@")[0])}
    for name in sorted({*other_names, *known} - allowed, key=len, reverse=True):
        if _is_named(name, text) and not any(name in one and _is_named(one, text) for one in allowed):
            yield Problem("names-another", f"The evidence named is not on {name}.")


def _is_named(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE) is not None


def _without_names(text: str, evidence: Evidence) -> str:
    labels = {evidence.subject, evidence.other or "", *evidence.opponents}
    known = {name for label in labels if label for name in (label, label.partition("@")[0])}
    for name in sorted(known, key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", " ", text, flags=re.IGNORECASE)
    return text
