from datetime import UTC, datetime, timedelta, timezone

import pytest

from leaderboard import seasons
from leaderboard.seasons import MIX_FROM, mix_of, season_at

HEADER = "session,task_category,closed_at,requested,left_out"


def content(*rows: tuple[str, str, int, int]) -> bytes:
    """(category, instant, requested, how many)"""
    lines = [
        f"{number}-{copy},{category},{closed_at},{requested},"
        for number, (category, closed_at, requested, count) in enumerate(rows)
        for copy in range(count)
    ]
    return "\n".join([HEADER, *lines, ""]).encode()


@pytest.mark.parametrize(
    ("now", "months", "name", "start"),
    [
        (datetime(2026, 11, 27, tzinfo=UTC), 3, "2026-q4", datetime(2026, 10, 1, tzinfo=UTC)),
        (datetime(2026, 1, 1, tzinfo=UTC), 3, "2026-q1", datetime(2026, 1, 1, tzinfo=UTC)),
        (datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC), 3, "2026-q1", datetime(2026, 1, 1, tzinfo=UTC)),
        (datetime(2026, 11, 27, tzinfo=UTC), 1, "2026-11", datetime(2026, 11, 1, tzinfo=UTC)),
        (datetime(2026, 11, 27, tzinfo=UTC), 12, "2026-01", datetime(2026, 1, 1, tzinfo=UTC)),
        (
            datetime(2027, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))),
            3,
            "2026-q4",
            datetime(2026, 10, 1, tzinfo=UTC),
        ),
    ],
)
def test_a_season_begins_with_its_first_month(now: datetime, months: int, name: str, start: datetime) -> None:
    season = season_at(now, months=months)
    assert (season.name, season.start) == (name, start)


SEASON = season_at(datetime(2026, 11, 27, tzinfo=UTC), months=3)
BEFORE, WITHIN = "2026-09-30T23:59:59.900000+00:00", "2026-10-01T00:00:00+00:00"


def test_the_mix_is_that_of_the_sessions_before_the_season() -> None:
    mix = mix_of(content(("x", BEFORE, 0, 75), ("y", BEFORE, 0, 25), ("z", WITHIN, 0, 500)), SEASON)
    assert mix.frozen
    assert mix.shares == {"x": 0.75, "y": 0.25}


def test_sessions_that_were_ordered_move_no_mix() -> None:
    mix = mix_of(content(("x", BEFORE, 0, MIX_FROM), ("y", BEFORE, 1, 1000)), SEASON)
    assert mix.shares == {"x": 1.0}


def test_in_a_first_season_the_mix_is_what_was_seen_so_far() -> None:
    mix = mix_of(content(("x", BEFORE, 0, MIX_FROM - 1), ("y", WITHIN, 0, 1)), SEASON)
    assert not mix.frozen
    assert mix.shares == pytest.approx({"x": 1 - 1 / MIX_FROM, "y": 1 / MIX_FROM})


def test_without_sessions_there_is_no_mix() -> None:
    assert seasons.mix_of(content(), SEASON) == seasons.Mix({}, frozen=False)
