import pytest

from reports.builtin.scene import clear_view, good_light
from tests.reports.builtin.rollouts import Rollout


@pytest.mark.parametrize(
    ("rollouts", "why"),
    [
        ([Rollout(), Rollout(black=True)], "no camera of a rollout shows anything"),
        ([Rollout(frozen=True), Rollout()], "the picture of every camera of a rollout stands still"),
        ([Rollout(sharpness=59.9)], "the sharpest camera of a rollout is soft: 60 of 60"),
    ],
)
def test_a_bad_picture_is_told(rollouts: list[Rollout], why: str) -> None:
    finding = clear_view(rollouts)
    assert (finding.answer, finding.why) == (False, why)


@pytest.mark.parametrize("rollouts", [[], [Rollout(), Rollout(sharpness=60.0)]])
def test_a_good_picture_is_not(rollouts: list[Rollout]) -> None:
    assert clear_view(rollouts).answer is None


@pytest.mark.parametrize(
    ("levels", "answer"),
    [
        ([0.5, 0.5], True),
        ([0.3, 0.7], True),
        ([0.29, 0.5], None),
        ([0.5, 0.71], None),
        ([0.2, 0.5], None),
        ([0.19, 0.5], False),
        ([0.5, 0.81], False),
        ([], None),
    ],
)
def test_light_is_told_where_it_is_plain(levels: list[float], answer: bool | None) -> None:
    assert good_light([Rollout(brightness=level) for level in levels]).answer is answer


def test_a_black_video_tells_nothing_of_the_light() -> None:
    assert good_light([Rollout(brightness=0.0, black=True)]).answer is None
    assert good_light([Rollout(brightness=0.0, black=True), Rollout()]).answer is True
