"""What is measured of videos that were made for it: what is in them is known."""

import io
import time
from collections.abc import Callable, Sequence
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from evaluations import video
from evaluations.measures import BINS, CELLS, LAG_S, LOOK, Evenly, Measures, Meter, measures_from, sharpness
from evaluations.video import VideoFacts
from tests.evaluations.films import RATE, Picture, blurred, encoded, moving_between, noisy, scene


def measured(pictures: Sequence[Picture], **options: str) -> Measures:
    return film(pictures, **options).measures


def film(pictures: Sequence[Picture], **options: str) -> VideoFacts:
    return video.inspect(io.BytesIO(encoded(pictures, **options)), deadline=time.monotonic() + 60)


def test_bright_and_dark_are_told_apart() -> None:
    dark, bright = (measured([np.full((240, 320), shade, np.uint8)] * 5) for shade in (2, 252))
    assert dark.brightness == pytest.approx(2 / 255, abs=0.01)
    assert bright.brightness == pytest.approx(252 / 255, abs=0.01)
    assert (dark.dark_share, dark.bright_share) == (1.0, 0.0)
    assert (bright.dark_share, bright.bright_share) == (0.0, 1.0)


def test_a_picture_is_half_clipped() -> None:
    half = np.full((240, 320), 128, np.uint8)
    half[:, :160] = 255
    found = measured([half] * 5)
    assert found.bright_share == pytest.approx(0.5, abs=0.01)
    assert found.brightness == pytest.approx((255 + 128) / 2 / 255, abs=0.01)


def test_sharpness_falls_with_blur_and_is_none_of_a_plain_wall() -> None:
    sharp, soft, wall = (measured([one] * 5).sharpness for one in (scene(), blurred(scene()), scene() * 0 + 100))
    assert sharp > 5 * soft > 0
    assert wall < 1


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    """Of a chequered board of 0 and 1 the Laplacian is 4 or -4, by the definition."""
    board = (np.indices((6, 6)).sum(axis=0) % 2).astype(np.uint8)
    assert sharpness(board) == pytest.approx(16)


def test_when_it_moves_is_known_to_a_tenth_of_a_second() -> None:
    found = measured(moving_between(2.0, 5.0, 9.0))
    assert found.moved
    assert found.idle_at_start_s == pytest.approx(2.0, abs=0.1)
    assert found.still_at_end_s == pytest.approx(4.0, abs=0.1)


def test_motion_is_told_where_it_is_and_as_much_as_there_is() -> None:
    found = measured(moving_between(2.0, 5.0, 8.0))
    motion = np.array(found.motion)
    assert motion.shape == (BINS,)
    starts = np.arange(BINS) * 8.0 / BINS
    assert (motion[(starts > 2.0) & (starts < 4.7)] > 0.01).all()
    assert (motion[(starts < 1.7) | (starts > 5.3)] == 0).all()
    faster = measured(moving_between(2.0, 5.0, 8.0, speed=5.5))
    assert np.sum(faster.motion) > 1.1 * motion.sum()


def test_motion_from_the_first_frame_on_is_no_more_than_later() -> None:
    motion = np.array(measured(moving_between(0.0, 5.0, 5.0, speed=3.0)).motion)
    assert motion[0] > 0
    assert motion[:4].max() < 1.2 * motion[4:-4].max()


def test_slow_motion_is_motion() -> None:
    """Between two frames it changes next to nothing."""
    found = measured(moving_between(1.0, 5.0, 7.0, speed=0.7))
    assert found.moved
    assert found.still_at_end_s == pytest.approx(2.0, abs=0.3)


def test_motion_that_goes_on_to_the_end_leaves_no_stillness() -> None:
    found = measured(moving_between(0.0, 6.0, 6.0, speed=2.5))
    assert (found.still_at_end_s, found.idle_at_start_s < 0.3) == (0.0, True)


@pytest.mark.parametrize("crf", ["18", "35"])
def test_noise_is_no_motion(crf: str) -> None:
    pictures = noisy(4, 8)
    found = measured(pictures, crf=crf)
    assert (found.moved, found.still_at_end_s) == (False, len(pictures) / RATE)


@pytest.mark.parametrize("options", [{"g": "12", "crf": "40"}, {"g": "15", "b": "200k", "sc_threshold": "0"}])
def test_keyframes_of_a_poor_codec_are_no_motion(options: dict[str, str]) -> None:
    quiet = measured(noisy(6, 3), **options)
    assert not quiet.moved
    found = measured(moving_between(1.0, 3.0, 8.0), **options)
    assert found.still_at_end_s == pytest.approx(5.0, abs=0.5)


@pytest.mark.parametrize("step", [30, -40])
def test_a_lamp_that_is_switched_and_a_flash_are_no_motion(step: int) -> None:
    still = scene()
    other = (still.astype(np.int16) + step).clip(0, 255).astype(np.uint8)
    half = still.copy()
    half[:, :160] = other[:, :160]
    for one in (other, half):
        assert not measured([still] * 30 + [one] * 30).moved
        assert not measured([still] * 30 + [one] + [still] * 30).moved


def test_light_that_grows_over_the_whole_picture_is_no_motion() -> None:
    assert not measured([(scene() * (0.5 + n / 120)).astype(np.uint8) for n in range(45)]).moved


def test_the_contact_sheet_goes_from_the_first_frame_to_the_last() -> None:
    """Nearly evenly: a frame is at most a 48th of the time off its place, here five shades, and the codec adds some."""
    shades = np.linspace(10, 240, 100).round()
    facts = film([np.full((240, 320), shade, np.uint8) for shade in shades])
    tiles = tiles_of(facts.sheet, 12)
    assert tiles == pytest.approx(np.linspace(10, 240, 12), abs=8)


def test_a_short_video_has_a_short_contact_sheet() -> None:
    tiles = tiles_of(film([np.full((240, 320), shade, np.uint8) for shade in (40, 120, 200)]).sheet, 3)
    assert tiles == pytest.approx([40, 120, 200], abs=4)


def test_a_single_frame_is_measured() -> None:
    facts = film([scene()])
    assert (facts.frames, facts.measures.moved) == (1, False)
    assert tiles_of(facts.sheet, 1) == pytest.approx([scene().mean()], abs=4)


def tiles_of(sheet: bytes, count: int) -> list[float]:
    """The mean luma of each tile: 256 x 192, four in a row, two dark pixels between."""
    with av.open(io.BytesIO(sheet), "r", format="mjpeg") as picture:
        luma = next(picture.decode(video=0)).to_ndarray(format="gray")
    columns, rows = min(count, 4), -(-count // 4)
    assert luma.shape == (rows * 194 - 2, columns * 258 - 2)
    corners = [(number // 4 * 194, number % 4 * 258) for number in range(count)]
    return [float(luma[top + 8 : top + 184, left + 8 : left + 248].mean()) for top, left in corners]


# --- Laws ------------------------------------------------------------------------------------------------------------


@st.composite
def meters(draw: Callable[..., Any]) -> tuple[Measures, float, list[float]]:
    """Measures of frames that come at any times and show anything, with the duration and the times."""
    gaps = draw(st.lists(st.floats(0, 2, allow_subnormal=False), min_size=1, max_size=60))
    levels = draw(st.lists(st.integers(0, 255), min_size=len(gaps), max_size=len(gaps)))
    times = np.concatenate([[0.0], np.cumsum(gaps)]).tolist()[: len(gaps)]
    duration = draw(st.floats(0.01, 150))
    meter = Meter()
    meter.look(np.zeros(LOOK[::-1], np.uint8))
    for at, level in zip(times, levels, strict=True):
        cells = np.zeros(CELLS[::-1], np.uint8)
        cells[:6] = level
        meter.add(cells, at=at)
    return meter.measures(duration), duration, times


@hypothesis_settings(max_examples=200, deadline=None)
@given(meters())
def test_measures_agree_with_each_other(found: tuple[Measures, float, list[float]]) -> None:
    measures, duration, _ = found
    assert 0 <= measures.brightness <= 1
    assert 0 <= measures.idle_at_start_s <= duration + 0.001
    assert 0 <= measures.still_at_end_s <= duration + 0.001
    assert len(measures.motion) == BINS
    assert all(value >= 0 for value in measures.motion)
    if not measures.moved:
        assert max(measures.motion) == 0
        assert measures.still_at_end_s == pytest.approx(duration, abs=0.001)
    else:
        assert measures.idle_at_start_s + measures.still_at_end_s <= duration + LAG_S
    assert measures_from({**measures.__dict__, "motion": list(measures.motion)}) == measures


@hypothesis_settings(max_examples=100, deadline=None)
@given(st.integers(1, 2000), st.integers(1, 30))
def test_what_is_kept_of_a_stream_is_spread_evenly(length: int, wanted: int) -> None:
    kept: Evenly[int] = Evenly(wanted)
    for number in range(length):
        kept.offer(lambda number=number: number)  # type: ignore[misc]
    assert min(length, wanted) <= len(kept.items) < 2 * wanted or length < 2 * wanted
    gaps = set(np.diff(kept.items).tolist())
    assert len(gaps) <= 1
    assert kept.items[0] == 0
    assert length - kept.items[-1] <= max(gaps, default=length)
