from __future__ import annotations

import numpy as np
import pytest

from simlab import drawing
from simlab.drawing import GOAL, HAND, OBJECT, SECOND, TRAIL, Colour, Frame
from tests.simlab.makers import state

SIZE = {"width": 320, "height": 240}


def centre(frame: Frame, colour: Colour) -> tuple[float, float]:
    """Row and column of the middle of what has this colour."""
    rows, columns = np.nonzero((frame == colour).all(axis=2))
    assert rows.size, f"nothing has the colour {colour}"
    return float(rows.mean()), float(columns.mean())


def halves(frame: Frame) -> tuple[Frame, Frame]:
    middle = frame.shape[1] // 2
    return frame[:, :middle], frame[:, middle:]


def test_both_views_show_hand_object_and_goal() -> None:
    for view in halves(drawing.top_and_side(state(), [], **SIZE)):
        for colour in (HAND, OBJECT, GOAL):
            centre(view, colour)


def test_the_top_view_has_right_on_the_right_and_far_at_the_top() -> None:
    top, _ = halves(drawing.top_and_side(state(), [], **SIZE))
    (hand_row, hand_column), (object_row, object_column) = centre(top, HAND), centre(top, OBJECT)
    assert object_column > hand_column  # its x is larger
    assert object_row < hand_row  # its y is larger


def test_the_side_view_has_high_at_the_top() -> None:
    _, side = halves(drawing.top_and_side(state(), [], **SIZE))
    assert centre(side, HAND)[0] < centre(side, OBJECT)[0]


def test_an_object_that_moves_is_drawn_elsewhere() -> None:
    moved = state()
    moved[4] -= 0.2
    before, after = (centre(halves(drawing.top_and_side(s, [], **SIZE))[0], OBJECT) for s in (state(), moved))
    assert after[1] < before[1] - 10
    assert after[0] == pytest.approx(before[0], abs=1)


def test_the_hand_leaves_a_trail() -> None:
    trail = [np.array([-0.2, 0.5, 0.3]), np.array([0.0, 0.6, 0.2])]
    with_trail, without = (drawing.top_and_side(state(), path, **SIZE) for path in (trail, []))
    assert (with_trail == TRAIL).all(axis=2).sum() > 50
    assert (without == TRAIL).all(axis=2).sum() == 0


def test_the_gripper_is_drawn_as_far_open_as_it_is() -> None:
    closed = state()
    closed[3] = 0.0
    spans = []
    for one in (state(), closed):
        rows = np.nonzero((drawing.from_the_wrist(one, **SIZE) == HAND).all(axis=2))[0]
        spans.append(rows.max() - rows.min())
    assert spans[0] > spans[1]


def test_a_second_object_is_drawn_where_there_is_one() -> None:
    two = state()
    two[11:14] = (0.0, 0.8, 0.1)
    assert (drawing.top_and_side(two, [], **SIZE) == SECOND).all(axis=2).any()
    assert not (drawing.top_and_side(state(), [], **SIZE) == SECOND).all(axis=2).any()


def test_the_caption_is_burnt_into_the_lower_left_corner() -> None:
    frame = np.full((240, 320, 3), 120, np.uint8)
    drawing.caption(frame, "SIMULATION")
    assert (frame[:-14] == 120).all()
    assert (frame[:, 100:] == 120).all()
    letters = (frame[-14:, :100] == 255).all(axis=2)
    assert 100 < letters.sum() < 700


def test_captions_differ_in_what_they_say() -> None:
    frames = [drawing.caption(np.zeros((40, 320, 3), np.uint8), text) for text in ("SIMULATION", "SIMULATIONS")]
    assert (frames[0] != frames[1]).any()
