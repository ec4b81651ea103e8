"""The noise floor in lines that anybody can read: a figure with its interval, and one sentence about it."""

from collections.abc import Callable
from dataclasses import dataclass

from leaderboard.estimates import Estimate
from leaderboard.noise import NoiseFloor
from leaderboard.selectors import signed


@dataclass(frozen=True)
class Line:
    title: str
    figure: str
    """Empty where it is not measured yet."""
    of: str
    sentence: str


@dataclass(frozen=True)
class Group:
    title: str
    measured: int
    """From so many sessions; 0 where there are none yet."""
    lines: list[Line]


def told(floor: NoiseFloor) -> list[Group]:
    one, again = floor.same_policy, floor.repeats
    return [
        Group(
            "One policy on both sides",
            one.sessions,
            [
                _line("Ties", one.ties, in_percent, "session", _ties),
                _line("A preferred", one.a_preferred, in_percent, "preference", _side_preferred),
                _line("A further than B", one.a_ahead, in_points, "session", _side_ahead),
                _line("Distance", one.distance, in_points, "session", _distance),
                _line("Deviation", one.spread, in_points, "session", _spread),
            ],
        ),
        Group(
            "The same pair on the same task again",
            again.asked_again,
            [
                _line("Same answer", again.same, in_percent, "repeat", _same),
                _line("Other preferred", again.flipped, in_percent, "repeat", _flipped),
                _line("Correlation", again.agreement, plainly, "repeat", _agreement),
                _line("Deviation", again.spread, in_points, "repeat", _scatter),
            ],
        ),
    ]


def in_one_sentence(floor: NoiseFloor) -> str:
    """What says most of those figures that are measured; empty where none is."""
    if floor.repeats.same is not None:
        return _same(floor.repeats.same)
    return "" if floor.same_policy.distance is None else _distance(floor.same_policy.distance)


def _line(
    title: str,
    estimate: Estimate | None,
    figure: Callable[[Estimate], str],
    unit: str,
    sentence: Callable[[Estimate], str],
) -> Line:
    if estimate is None:
        return Line(title, "", "", "")
    plural = "" if estimate.n == 1 else "s"
    return Line(title, figure(estimate), f"{estimate.n} {unit}{plural}", sentence(estimate))


def in_percent(one: Estimate) -> str:
    return f"{100 * one.value:.0f} % (95 % interval {100 * one.low:.0f} to {100 * one.high:.0f} %)"


def in_points(one: Estimate) -> str:
    value, low, high = (signed(f"{100 * number:.1f}") for number in (one.value, one.low, one.high))
    return f"{value} points (95 % interval {low} to {high})"


def plainly(one: Estimate) -> str:
    value, low, high = (signed(f"{number:.2f}") for number in (one.value, one.low, one.high))
    return f"{value} (95 % interval {low} to {high})"


def _ties(one: Estimate) -> str:
    chosen = 100 - 100 * one.value
    return f"Where there is nothing to choose, one side is preferred all the same in {chosen:.0f} of 100 sessions."


def _side_preferred(one: Estimate) -> str:
    if one.low > 0.5:
        return "Being A helps: with nothing to choose, A is preferred more often than B."
    if one.high < 0.5:
        return "Being B helps: with nothing to choose, B is preferred more often than A."
    return "These sessions do not show that one side is preferred for being A or B."


def _side_ahead(one: Estimate) -> str:
    if one.low > 0:
        return "The first rollout gets further than the second, whatever the policy."
    if one.high < 0:
        return "The second rollout gets further than the first, whatever the policy."
    return "These sessions do not show that one side gets further for being first or second."


def _distance(one: Estimate) -> str:
    return (
        f"Two rollouts of one policy on one scene end {100 * one.value:.0f} points apart on average: as much between "
        "two policies in one session says little."
    )


def _spread(one: Estimate) -> str:
    return (
        f"A difference of progress that is luck alone has a standard deviation of about {100 * one.value:.0f} points."
    )


def _same(one: Estimate) -> str:
    return f"The same pair on the same task at another time got the same answer in {100 * one.value:.0f} of 100 cases."


def _flipped(one: Estimate) -> str:
    return f"In {100 * one.value:.0f} of 100 cases the other policy was preferred the second time."


def _agreement(one: Estimate) -> str:
    return "At 1 a difference of progress would be all of the pair and the task, at 0 all luck."


def _scatter(one: Estimate) -> str:
    return (
        f"One session’s difference of progress lies about {100 * one.value:.0f} points from what the pair shows on "
        "that task on average."
    )
