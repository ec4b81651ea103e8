import pytest

from evaluations.models import FailureMode
from reports.builtin.failures import froze, hints, no_progress
from reports.builtin.findings import Finding
from tests.reports.builtin.rollouts import Rollout


@pytest.mark.parametrize(
    ("still", "answer", "moment"), [(8.0, True, 32.0), (7.9, None, None), (1.1, None, None), (1.0, False, None)]
)
def test_a_robot_that_is_long_still_before_it_is_done_froze(
    still: float, answer: bool | None, moment: float | None
) -> None:
    finding = froze(Rollout(still_at_end_s=still), 0.5)
    assert (finding.answer, finding.moment_s) == (answer, moment)


def test_a_robot_that_never_moved_froze_at_the_start() -> None:
    still = Rollout(moved=False, idle_at_start_s=40.0, still_at_end_s=40.0)
    assert froze(still, 0.0) == Finding(True, "nothing moves for the last 40 s, and it was not done", 0.0)
    assert no_progress(still, 0.0).answer is None


@pytest.mark.parametrize(
    ("rollout", "progress", "answer"),
    [
        (Rollout(), 0.0, True),
        (Rollout(), 0.1, None),
        (Rollout(still_at_end_s=20.0), 0.0, None),
        (Rollout(still_at_end_s=19.5), 0.0, True),
        (Rollout(duration_s=10.9), 0.0, None),
    ],
)
def test_motion_that_leads_nowhere(rollout: Rollout, progress: float, answer: bool | None) -> None:
    assert no_progress(rollout, progress).answer is answer


def test_who_did_the_task_neither_froze_nor_wandered() -> None:
    told = hints(Rollout(still_at_end_s=30.0), 1.0)
    assert {mode: finding.answer for mode, finding in told.items()} == {
        FailureMode.FROZE: False,
        FailureMode.NO_PROGRESS: False,
    }


@pytest.mark.parametrize(
    ("rollout", "progress"),
    [(Rollout(still_at_end_s=30.0), None), (Rollout(black=True), 0.0), (Rollout(frozen=True, moved=False), 0.0)],
)
def test_what_cannot_be_seen_is_not_told(rollout: Rollout, progress: float | None) -> None:
    assert [finding.answer for finding in hints(rollout, progress).values()] == [None, None]
