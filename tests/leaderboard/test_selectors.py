from dataclasses import replace

import pytest

from leaderboard.selectors import Axis, Row, conclusion
from leaderboard.standing import Standing

ROW = Row(
    label="alpha@1",
    name="alpha",
    version="1",
    lab="Owners",
    open_source=False,
    unlisted=False,
    in_input="alpha@1",
    rank_low=1,
    rank_high=1,
    group="a",
    score=0.5,
    low=0.1,
    high=0.9,
    n=30,
    wins=20,
    ties=2,
    losses=8,
    mean_progress=0.6,
    standing=Standing.RANKED,
    unadjusted=0.4,
    expected_progress=0.5,
    x_low=10,
    x_high=90,
    x_score=50,
)
SECOND = replace(ROW, label="beta@1", rank_low=2, rank_high=2)
UNRANKED = replace(ROW, label="gamma@1", rank_low=None, rank_high=None)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], ""),
        ([ROW], ""),
        ([ROW, UNRANKED], ""),
        ([ROW, SECOND], "alpha@1 leads: no other policy can still be first."),
        ([ROW, ROW], "Nothing separates these policies yet: each of them can still be first."),
        ([ROW, ROW, SECOND], "2 of 3 policies can still be first: the data do not separate them yet."),
    ],
)
def test_what_can_be_said_about_the_lead(rows: list[Row], words: str) -> None:
    assert conclusion(rows) == words


@pytest.mark.parametrize(
    ("low", "high", "text"), [(1, 1, "1"), (1, 3, "1–3"), (None, None, "–")], ids=["alone", "range", "unranked"]
)
def test_ranks_are_ranges(low: int | None, high: int | None, text: str) -> None:
    assert replace(ROW, rank_low=low, rank_high=high).rank_text == text


def test_the_axis_is_linear_and_leaves_a_margin() -> None:
    axis = Axis(-2, 2)
    assert (axis.at(-2), axis.at(0), axis.at(2)) == (3, 50, 97)


@pytest.mark.parametrize("span", [0.5, 1, 3, 7, 20, 90])
def test_the_axis_has_a_handful_of_round_ticks_inside(span: float) -> None:
    ticks = Axis(-span / 3, span).ticks()
    assert 2 <= len(ticks) <= 9
    assert all(3 <= position <= 97 for position, _ in ticks)
    assert "0" in [label for _, label in ticks]
