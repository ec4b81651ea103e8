"""Claims from templates, over the same evidence and through the same checks as a model's. Pure.

It says what the figures say and no more: which groups differ, which are only hinted at, what went wrong how often.
"""

from collections.abc import Iterator, Sequence

from leaderboard.estimates import Estimate
from reports.evidence.items import Evidence, Group, Item, Verdict
from reports.evidence.meetings import Outcome
from reports.writing.check import leaning, shown, tendency
from reports.writing.claims import Citation, Claim, Direction, Section, Shows

VERSION = "templates-1"
MOST_A_SECTION = 4
CITED_A_CLAIM = 4

_ABOUT_INSTRUCTIONS = ("wrong-object", "wrong-place", "clear-instruction", "needs-reasoning")
_ABOUT_HANDS = ("grasp-failed", "dropped", "collided", "smooth", "hesitant", "missed-grasp", "collision")
_ABOUT_SCENES = ("clear-view", "good-light", "simple-scene")


def write(evidence: Evidence) -> list[Claim]:
    """All claims of a report, in the order of its sections; none where there is nothing to tell."""
    if evidence.overall is None:
        return []
    return [
        *_overview(evidence, evidence.overall),
        *_comparison(evidence),
        *_strong_and_weak(evidence),
        *_themed(evidence, Section.INSTRUCTION, _ABOUT_INSTRUCTIONS),
        *_themed(evidence, Section.MANIPULATION, _ABOUT_HANDS),
        *_themed(evidence, Section.SCENE, _ABOUT_SCENES),
        *_failures(evidence),
        *_fix_first(evidence),
    ]


def _overview(evidence: Evidence, whole: Item) -> Iterator[Claim]:
    sole = next(iter(evidence.opponents)) if len(evidence.opponents) == 1 else "the other policies"
    against = f"against {evidence.other or sole}"
    progress = f" Its mean progress was {_with_interval(whole.progress)}." if whole.progress else ""
    text = (
        f"In {_count(whole.n, 'session')} {against}, {evidence.subject} won {whole.won}, tied {whole.tied} and "
        f"lost {whole.lost}: a win share of {_with_interval(whole.win_share)}, ties counted as half.{progress}"
    )
    yield _claim(evidence, Section.OVERVIEW, text, whole, "neutral")


def _comparison(evidence: Evidence) -> Iterator[Claim]:
    for item in evidence.of_group(Group.CATEGORY)[:MOST_A_SECTION]:
        yield _claim(
            evidence, Section.COMPARISON, f"On tasks of the kind {item.words}: {_record(item)}.", item, "neutral"
        )


def _strong_and_weak(evidence: Evidence) -> Iterator[Claim]:
    """What is certain comes first; where nothing is, the largest hints are told as hints."""
    groups = [item for item in evidence.items if item.group in (Group.CATEGORY, Group.OPPONENT, Group.SCENE)]
    for section, sign in ((Section.STRENGTHS, 1), (Section.WEAKNESSES, -1)):
        certain = [item for item in groups if tendency(item) == sign]
        hints = [item for item in groups if leaning(item) == sign and tendency(item) == 0]
        chosen = sorted(certain, key=lambda item: item.p)[:MOST_A_SECTION]
        chosen = chosen or sorted(hints, key=lambda item: -abs(item.win_share.value - 0.5) * item.n**0.5)[:2]
        for item in chosen:
            yield _claim(evidence, section, _strong_or_weak(item, sign), item, "good" if sign == 1 else "bad")


def _strong_or_weak(item: Item, sign: int) -> str:
    where = {Group.CATEGORY: "On tasks of the kind {}", Group.OPPONENT: "Against {}", Group.SCENE: "With {}"}
    begin = where[item.group].format(item.words)
    if item.verdict is not Verdict.NONE:
        return f"{begin} it got {'further' if sign == 1 else 'less far'} than in its other sessions: {_record(item)}."
    if tendency(item) == sign:
        return (
            f"{begin} it won {'more' if sign == 1 else 'fewer'} sessions than it lost, beyond chance: {_record(item)}."
        )
    return (
        f"{begin} the sessions so far point {'up' if sign == 1 else 'down'}, but are too few to tell: {_record(item)}."
    )


def _themed(evidence: Evidence, section: Section, keys: Sequence[str]) -> Iterator[Claim]:
    about = [item for item in evidence.items if item.group is not Group.CATEGORY and item.key.partition("=")[0] in keys]
    for item in about[:MOST_A_SECTION]:
        yield _claim(evidence, section, _told(item), item, _direction(item))


def _failures(evidence: Evidence) -> Iterator[Claim]:
    for item in evidence.of_group(Group.FAILURE)[:MOST_A_SECTION]:
        yield _claim(evidence, Section.FAILURES, _told(item), item, _direction(item))


def _fix_first(evidence: Evidence) -> Iterator[Claim]:
    """The failure that comes with most losses, by the evaluators' marks, else by their notes."""
    for group in (Group.FAILURE, Group.THEME):
        bad = [item for item in evidence.of_group(group) if item.good is False and item.key != "not-done" and item.lost]
        if bad:
            worst = max(bad, key=lambda item: (item.lost, item.n))
            text = (
                f"Of all known causes this one goes with the most lost sessions{_so_far(worst)}: {worst.words}. "
                f"{_count(worst.lost, 'session')} of {worst.n} with it were lost."
            )
            yield _claim(evidence, Section.FIX_FIRST, text, worst, "bad")
            return


def _so_far(item: Item) -> str:
    return "" if tendency(item) else ", though they are too few to tell"


def _told(item: Item) -> str:
    if item.group is Group.SCENE:
        return f"With {item.words}: {_record(item)}."
    said = "the notes say that it" if item.group is Group.THEME else "the rollout is marked"
    of = f"In {item.n} of {_count(item.of, 'session')}" + (" with notes" if item.group is Group.THEME else "")
    return f"{of} {said} {item.words}; of these it won {item.won}, tied {item.tied} and lost {item.lost}."


def _direction(item: Item) -> Direction:
    return {1: "good", 0: "neutral", -1: "bad"}[leaning(item)] if item.good is not None else "neutral"  # type: ignore[return-value]


def _record(item: Item) -> str:
    progress = f", mean progress {_with_interval(item.progress)}" if item.progress else ""
    return f"{item.won} won, {item.tied} tied, {item.lost} lost of {item.n}{progress}"


def _with_interval(figure: Estimate) -> str:
    return f"{100 * figure.value:.0f} % ({100 * figure.low:.0f} to {100 * figure.high:.0f} %)"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _claim(evidence: Evidence, section: Section, text: str, item: Item, direction: Direction) -> Claim:
    return Claim(
        section=section,
        text=text,
        direction=direction,
        evidence=[item.id],
        citations=_citations(evidence, item, direction),
    )


def _citations(evidence: Evidence, item: Item, direction: Direction) -> list[Citation]:
    """Sessions that show what the claim says; of a neutral one its clearest win and loss."""
    found = []
    for session in item.cited:
        meeting = evidence.meetings[session]
        outcome = Citation(session=session, shows=Shows(meeting.outcome.value))
        if item.group is Group.FAILURE:
            mark = Shows.RECOVERED if item.key == "recovered" else Shows.FAILURE
            outcome = Citation(session=session, shows=mark, detail="" if mark is Shows.RECOVERED else item.key)
        elif item.group is Group.THEME:
            outcome = Citation(session=session, shows=Shows.NOTED, detail=item.key)
        elif direction != "neutral" and not _points(meeting.outcome, direction):
            outcome = Citation(session=session, shows=Shows.GOT_FURTHER if direction == "good" else Shows.FELL_BEHIND)
        if shown(outcome, meeting):
            found.append(outcome)
    return found[:CITED_A_CLAIM]


def _points(outcome: Outcome, direction: Direction) -> bool:
    return outcome is (Outcome.WON if direction == "good" else Outcome.LOST)
