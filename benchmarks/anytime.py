"""How many sessions it saves to look at any time and stop when two policies are told apart.

    python -m benchmarks.anytime

Exact, not simulated (`leaderboard.ranking.anytime_plan`), at alpha = 5 %, against the two-sided sign test of a fixed
size. "Planned difference": the mean number of sessions until the better one is certified, stopped in any case at
the size at which the anytime test has the same power. "Half the difference": the fixed test was planned for half of the
difference that there is, as whoever plans carefully does.
"""

import sys

from benchmarks.common import Comparison, less_is_better, report
from leaderboard.ranking.anytime import AnytimeSettings
from leaderboard.ranking.anytime_plan import Plan, sessions_to_separate, stopping

TIES = 0.2
# Of the sessions with a preference, by how much more prefer the one.
MARGINS = (0.15, 0.25, 0.5)
POWERS = (0.8, 0.9, 0.95)
LIMIT = 5000


def plan(margin: float, power: float) -> Plan:
    p_win = (1 - TIES) * (1 + margin) / 2
    return sessions_to_separate(p_win, TIES, power=power, limit=LIMIT)


def compared(margin: float, power: float) -> list[Comparison]:
    here = plan(margin, power)
    careful = plan(margin / 2, power)
    if here.sessions is None or here.expected is None or here.fixed is None:
        raise SystemExit(f"No plan for a margin of {margin:g} within {LIMIT} sessions.")
    case = f"margin {margin:.0%}, power {power:.0%}"
    rows = [
        less_is_better(
            case=case,
            metric="mean sessions",
            peer="fixed size, planned difference",
            ours=here.expected,
            theirs=here.fixed,
        ),
        less_is_better(
            case=case,
            metric="sessions at most",
            peer="fixed size, planned difference",
            ours=here.sessions,
            theirs=here.fixed,
        ),
    ]
    if careful.fixed is not None:
        rows.append(
            less_is_better(
                case=case,
                metric="mean sessions",
                peer="fixed size, planned for half the difference",
                ours=here.expected,
                theirs=careful.fixed,
            )
        )
    return rows


def main() -> int:
    right, wrong = stopping(0.5, limit=LIMIT, settings=AnytimeSettings())
    ever = float(right.sum() + wrong.sum())
    print(
        f"Equal policies, looked at after each of {LIMIT:,} sessions with a preference: one is certified in {ever:.2%}."
    )
    return report("anytime", [row for margin in MARGINS for power in POWERS for row in compared(margin, power)])


if __name__ == "__main__":
    sys.exit(main())
