from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import av
import numpy as np
import pytest
from av.container import InputContainer

from simlab import video
from simlab.rendering import HEIGHT, WIDTH, Frame
from simlab.video import WIRE_SIZE, encode, for_the_wire

FRAMES = 20


@pytest.fixture(scope="module")
def film() -> bytes:
    """A white bar that wanders over black."""
    frames = []
    for number in range(FRAMES):
        frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        frame[:, 10 * number : 10 * number + 30] = 255
        frames.append(frame)
    return encode(frames)


def played(film: bytes) -> InputContainer:
    container = av.open(io.BytesIO(film), "r", format="mp4")
    assert isinstance(container, InputContainer)
    return container


def boxes(film: bytes) -> Iterator[str]:
    """The names of an mp4's outermost boxes, in order."""
    place = 0
    while place < len(film):
        size, name = struct.unpack(">I4s", film[place : place + 8])
        yield name.decode()
        place += size


def test_a_browser_can_play_it_at_once(film: bytes) -> None:
    order = list(boxes(film))
    assert order[0] == "ftyp"
    assert order.index("moov") < order.index("mdat")
    with played(film) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.width, stream.height) == (WIDTH, HEIGHT)


def test_it_plays_in_real_time(film: bytes) -> None:
    with played(film) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == 8
        assert stream.duration is not None
        assert stream.time_base is not None
        assert float(stream.duration * stream.time_base) == pytest.approx(FRAMES / 8)


def test_every_picture_is_there_and_the_right_way_round(film: bytes) -> None:
    with played(film) as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(decoded) == FRAMES
    for number, frame in enumerate(decoded):
        bright = np.nonzero(frame[100, :, 0] > 128)[0]
        assert abs(float(bright.mean()) - (10 * number + 14.5)) < 3


def test_pictures_for_the_wire_are_square_and_keep_their_shape() -> None:
    picture = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    square = for_the_wire(picture)
    assert square.shape == (WIRE_SIZE, WIRE_SIZE, 3)
    assert square.dtype == np.uint8
    assert (square[28:-28] == 200).all()
    assert (square[:28] == 0).all()
    assert (square[-28:] == 0).all()


class Flipbook:
    """A camera whose n-th picture has the brightness n."""

    def __init__(self) -> None:
        self.taken = 0

    def begin(self) -> None:
        self.taken = 0

    def look(self, scene: object) -> dict[str, Frame]:
        self.taken += 1
        return {"left": np.full((HEIGHT, WIDTH, 3), self.taken, np.uint8)}

    def close(self) -> None:
        return


def test_every_second_look_is_a_picture_and_the_last_one_stays() -> None:
    camera = Flipbook()
    recorder = video.Recorder(camera)
    for _ in range(5):
        recorder.show(None)  # type: ignore[arg-type]
    assert camera.taken == 3
    assert recorder.last["left"].max() == 3
    with played(recorder.films()["left"]) as container:
        assert len(list(container.decode(video=0))) == 3 + video.LINGER
