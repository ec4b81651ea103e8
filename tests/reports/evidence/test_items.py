"""Evidence from meetings: groups, figures, verdicts, and which sessions are named."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from reports.evidence import stored
from reports.evidence.items import CITED, Group, Verdict, gather
from reports.evidence.meetings import Outcome
from tests.reports.meetings import NAMES, SUBJECT, evidence, meeting, strong_at_picking


def test_nothing_is_no_evidence() -> None:
    assert evidence([]).items == ()


def test_the_whole_comes_first_and_adds_up() -> None:
    found = evidence()
    whole = found.overall
    assert whole is not None
    assert (whole.id, whole.n, whole.won + whole.tied + whole.lost) == ("E1", 60, 60)
    for group in (Group.CATEGORY, Group.OPPONENT, Group.LAB):
        parts = found.of_group(group)
        assert sum(item.n for item in parts) == 60
        assert {session for item in parts for session in item.sessions} == set(found.meetings)


def test_what_it_is_good_at_and_what_not_is_found_out() -> None:
    verdicts = {item.key: item.verdict for item in evidence().of_group(Group.CATEGORY)}
    assert verdicts == {
        "pick-place": Verdict.BETTER, "cover-fold": Verdict.WORSE, "tool-use": Verdict.NONE,
    }  # fmt: skip
    assert all(item.verdict is Verdict.NONE for item in evidence().of_group(Group.LAB))


def test_small_groups_say_nothing_but_failures_do() -> None:
    few = [meeting(0, Outcome.LOST, category="tool-use"), *(meeting(n, Outcome.WON) for n in range(1, 6))]
    found = evidence(few)
    assert [item.key for item in found.of_group(Group.CATEGORY)] == ["pick-place"]
    dropped = next(item for item in found.of_group(Group.FAILURE) if item.key == "dropped")
    assert (dropped.n, dropped.of, dropped.good) == (1, 6, False)


def test_recovering_is_counted_among_those_who_failed() -> None:
    some = [
        meeting(0, Outcome.LOST, recovered=False),
        meeting(1, Outcome.LOST, recovered=True),
        meeting(2, Outcome.WON, recovered=True),
        meeting(3, Outcome.WON),
    ]
    recovered = next(item for item in evidence(some).items if item.key == "recovered")
    assert (recovered.n, recovered.of) == (2, 3)


def test_notes_become_themes_with_quotes_of_the_own_side() -> None:
    themes = {item.key: item for item in evidence().of_group(Group.THEME)}
    whole = evidence().overall
    assert whole is not None
    assert (themes["done"].n, themes["dropped"].n) == (whole.won, whole.lost)
    assert "no-motion" not in themes
    assert all("completed" in quote.text for quote in themes["done"].quotes)


def test_named_sessions_are_of_the_item_and_show_both_ends() -> None:
    for item in evidence().items:
        assert set(item.cited) <= set(item.sessions)
        assert len(item.cited) == min(CITED, item.n)
    found = evidence()
    whole = found.overall
    assert whole is not None
    assert {found.meetings[session].outcome for session in whole.cited} >= {Outcome.WON, Outcome.LOST}


@given(st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_records_changes_nothing(rng: random.Random) -> None:
    shuffled = strong_at_picking()
    rng.shuffle(shuffled)
    assert evidence(shuffled).items == evidence().items


def test_ten_thousand_sessions_are_told_in_bounds() -> None:
    many = evidence(strong_at_picking(10_000))
    told = stored.as_json(many)
    assert len(told["sessions"]) == 10_000
    assert len(told["records"]) <= CITED * len(many.items)
    assert len(many.items) < 60


def test_stored_items_name_their_sessions_by_place() -> None:
    found = evidence()
    told = stored.as_json(found)
    for item, row in zip(found.items, told["items"], strict=True):
        assert tuple(stored.sessions_of(told, row)) == item.sessions
    assert set(told["records"]) == {session for item in found.items for session in item.cited}


def test_changes_tell_what_is_new_and_what_moved() -> None:
    before = stored.as_json(evidence(strong_at_picking(30)))
    turned = [meeting(100 + n, Outcome.WON, category="cover-fold") for n in range(60)]
    new = [meeting(200 + n, Outcome.LOST, opponent="late@1") for n in range(4)]
    now = stored.as_json(gather(subject=SUBJECT, meetings=[*strong_at_picking(30), *turned, *new], names=NAMES))
    told = {one.words: one for one in stored.changes(before, now)}
    assert told["all sessions"].sessions_now == 94
    assert told["late@1"].before is None
    fold = told["Cover / Drape / Fold"]
    assert fold.before is not None
    assert fold.now is not None
    assert fold.now > fold.before + 0.3
    assert stored.changes(None, now) == []
    assert [one.words for one in stored.changes(now, now)] == ["all sessions"]


def test_four_wins_of_four_are_no_certainty_and_six_of_six_are() -> None:
    for n, leads in ((4, 0), (5, 0), (6, 1)):
        whole = evidence([meeting(number, Outcome.WON) for number in range(n)]).overall
        assert whole is not None
        assert whole.leads == leads
    whole = evidence([meeting(number, Outcome.LOST) for number in range(6)]).overall
    assert whole is not None
    assert whole.leads == -1


def test_many_groups_at_once_are_corrected_for_their_number() -> None:
    """Six of six against one opponent is beyond chance alone, and not as one of ten opponents."""
    opponents = [f"policy-{number}@1" for number in range(10)]
    others = [meeting(100 + n, (Outcome.WON, Outcome.LOST)[n % 2], opponent=opponents[n % 9 + 1]) for n in range(54)]
    best = [meeting(n, Outcome.WON, opponent=opponents[0]) for n in range(6)]
    item = next(one for one in evidence([*others, *best]).of_group(Group.OPPONENT) if one.key == opponents[0])
    assert (item.n, item.won, item.leads) == (6, 6, 0)
