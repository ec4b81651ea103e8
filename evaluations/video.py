"""What PyAV can tell of a video, and a form of it that browsers play. Files in, facts or files out; no models.

The demuxer is always named, so that a playlist that calls itself a video opens nothing else. A video of few bytes can
hold hours, so whatever goes through its frames ends at a deadline: an instant of `time.monotonic()`.
"""

import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
from numpy.typing import NDArray

from evaluations.measures import CELLS, LOOK, Evenly, Measures, Meter

MAX_FRAMES = 20_000  # at 15 a second more than 20 minutes
MAX_PIXELS = 4096 * 4096
BLACK_BELOW = 20.0
"""Mean luma (0 to 255) that no frame of a black video reaches."""
FROZEN_BELOW = 0.05
"""Mean change of luma between frames that no pair of frames of a frozen video reaches: codec noise stays below."""
SHEET_FRAMES, SHEET_COLUMNS, SHEET_GAP = 12, 4, 2
TILE_WIDTH, TILE_HIGHEST = 256, 384
JPEG_QUALITY = 4  # of mjpeg: 2 is best, 31 is worst
TRANSCODE = {"crf": "23", "preset": "veryfast"}
FASTSTART = {"movflags": "+faststart"}


class VideoError(Exception):
    """The file cannot be read as a video to its end, or not in time. The text is a sentence for its uploader."""


@dataclass(frozen=True)
class VideoFacts:
    """duration_s from the frames and their rate; black and frozen as the constants above say."""

    duration_s: float
    frames: int
    width: int
    height: int
    codec: str
    pixels: str
    black: bool
    frozen: bool
    poster: bytes
    """The first frame, as JPEG."""
    sheet: bytes
    """SHEET_FRAMES, or all where there are fewer, evenly spread over the time from the first to the last, as JPEG."""
    measures: Measures

    @property
    def plays_everywhere(self) -> bool:
        return self.codec == "h264" and self.pixels in ("yuv420p", "yuvj420p")


def inspect(file: IO[bytes], *, deadline: float) -> VideoFacts:
    """Decode to the end. Raises VideoError."""
    try:
        with av.open(file, "r", format="mp4") as container:
            return _facts(container, deadline)
    except (av.FFmpegError, OSError, ValueError):
        raise VideoError("The file is not a complete MP4 video.") from None


def starts_at_once(file: IO[bytes]) -> bool:
    """Does the index (`moov`) stand before the frames (`mdat`), so that playing need not wait for the whole file?"""
    file.seek(0)
    while len(head := file.read(8)) == 8:
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind in (b"moov", b"mdat"):
            return kind == b"moov"
        skipped = 8
        if length == 1:
            length, skipped = int.from_bytes(file.read(8), "big"), 16
        if length < skipped:
            return False
        file.seek(length - skipped, io.SEEK_CUR)
    return False


def remux(file: IO[bytes], target: Path, *, deadline: float) -> None:
    """The same frames with the index in front. Raises VideoError at the deadline."""
    file.seek(0)
    with av.open(file, "r", format="mp4") as source, av.open(target, "w", format="mp4", options=FASTSTART) as output:
        video = source.streams.video[0]
        stream = output.add_stream_from_template(video)
        for packet in _packets(source, video, deadline):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)


def transcode(file: IO[bytes], target: Path, *, deadline: float) -> None:
    """H.264 in yuv420p, with even sides and the index in front: what every browser plays. Raises VideoError."""
    file.seek(0)
    with av.open(file, "r", format="mp4") as source, av.open(target, "w", format="mp4", options=FASTSTART) as output:
        video = source.streams.video[0]
        stream: Any = output.add_stream("libx264", rate=video.average_rate or Fraction(15), options=TRANSCODE)
        stream.width, stream.height = video.width // 2 * 2, video.height // 2 * 2
        stream.pix_fmt = "yuv420p"
        for frame in _frames(source, video, deadline):
            picture = frame.reformat(stream.width, stream.height, "yuv420p")
            picture.pts = None
            output.mux(stream.encode(picture))
        output.mux(stream.encode())


def _packets(container: Any, stream: Any, deadline: float) -> Iterator[Any]:
    for packet in container.demux(stream):
        if time.monotonic() > deadline:
            raise VideoError("The video is too long: reading it takes more time than a video is given.")
        yield packet


def _frames(container: Any, stream: Any, deadline: float) -> Iterator[Any]:
    """The deadline is looked at for each packet: one that is cut may hold no frame at all."""
    count = 0
    for packet in _packets(container, stream, deadline):
        for frame in packet.decode():
            count += 1
            if count > MAX_FRAMES:
                raise VideoError(f"The video is too long: it has more than {MAX_FRAMES} frames.")
            yield frame


def _facts(container: Any, deadline: float) -> VideoFacts:
    if not container.streams.video:
        raise VideoError("The file holds no video.")
    stream = container.streams.video[0]
    if stream.width * stream.height > MAX_PIXELS:
        raise VideoError(f"The picture has more than {MAX_PIXELS} pixels.")
    rate, seen = float(stream.average_rate or 0), _Seen()
    for frame in _frames(container, stream, deadline):
        seen.add(frame, rate)
    # A file that was cut off may decode without an error, and then holds fewer frames than its index says.
    if not seen.frames or not rate or seen.frames < stream.frames:
        raise VideoError("The video ends before its end.")
    duration_s = seen.frames / rate
    return VideoFacts(
        duration_s=duration_s,
        frames=seen.frames,
        width=stream.width,
        height=stream.height,
        codec=stream.codec_context.name,
        pixels=str(stream.codec_context.pix_fmt),
        black=seen.dark,
        frozen=seen.still and seen.frames > 1,
        poster=seen.poster,
        sheet=seen.sheet(),
        measures=seen.meter.measures(duration_s),
    )


Picture = NDArray[np.uint8]


class _Seen:
    """What the frames so far tell. Of the frames themselves it keeps the last, and of a few a small picture."""

    def __init__(self) -> None:
        self.frames = 0
        self.dark = True
        self.still = True
        self.poster = b""
        self.meter = Meter()
        self._tiles: Evenly[tuple[float, Picture]] = Evenly(2 * SHEET_FRAMES)
        self._start = 0.0
        self._last: tuple[float, Any] = (0.0, None)
        self._last_luma: NDArray[np.int16] | None = None

    def add(self, frame: Any, rate: float) -> None:
        at = self.frames / max(rate, 1.0) if frame.time is None else float(frame.time)
        if not self.frames:
            self.poster, self._start = _jpeg(frame), at
        at -= self._start
        cells = _luma(frame, CELLS)
        self._compare(cells.astype(np.int16))
        self.meter.add(cells, at=at)
        self._tiles.offer(lambda: self._look(frame, at))
        self.frames += 1
        self._last = at, frame

    def sheet(self) -> bytes:
        tiles = list(self._tiles.items)
        at, frame = self._last
        if tiles[-1][0] < at:
            tiles.append((at, _tile(frame)))
        times = np.array([time for time, _ in tiles])
        wanted = np.linspace(0, times[-1], SHEET_FRAMES)
        chosen = sorted({int(np.abs(times - time).argmin()) for time in wanted})
        return _jpeg(av.VideoFrame.from_ndarray(_in_rows([tiles[index][1] for index in chosen]), format="rgb24"))

    def _compare(self, luma: NDArray[np.int16]) -> None:
        self.dark = self.dark and bool(luma.mean() < BLACK_BELOW)
        if self._last_luma is not None:
            self.still = self.still and bool(np.abs(luma - self._last_luma).mean() < FROZEN_BELOW)
        self._last_luma = luma

    def _look(self, frame: Any, at: float) -> tuple[float, Picture]:
        self.meter.look(_luma(frame, LOOK))
        return at, _tile(frame)


def _luma(frame: Any, size: tuple[int, int]) -> Picture:
    luma: Picture = frame.reformat(*size, "gray", interpolation="AREA").to_ndarray()
    return luma


def _tile(frame: Any) -> Picture:
    height = round(TILE_WIDTH * frame.height / frame.width / 2) * 2
    tile: Picture = frame.reformat(TILE_WIDTH, min(max(height, 2), TILE_HIGHEST), "rgb24").to_ndarray()
    return tile


def _in_rows(tiles: list[Picture]) -> Picture:
    """One picture of them all, SHEET_COLUMNS in a row. Where the picture changes its size they take the first's."""
    height, width, _ = tiles[0].shape
    rows, columns = -(-len(tiles) // SHEET_COLUMNS), min(len(tiles), SHEET_COLUMNS)
    sheet = np.zeros((rows * (height + SHEET_GAP) - SHEET_GAP, columns * (width + SHEET_GAP) - SHEET_GAP, 3), np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // SHEET_COLUMNS * (height + SHEET_GAP), number % SHEET_COLUMNS * (width + SHEET_GAP)
        sheet[top : top + height, left : left + width] = tile[:height]
    return sheet


def _jpeg(frame: Any) -> bytes:
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": str(JPEG_QUALITY), "qmax": str(JPEG_QUALITY)}
    picture = frame.reformat(format="yuvj420p")
    picture.pts = None
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
