"""What PyAV can tell of a video, and a form of it that browsers play. Files in, facts or files out; no models.

The demuxer is always named, so that a playlist that calls itself a video opens nothing else.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import IO, Any

import av
import numpy as np

MAX_FRAMES = 100_000
MAX_PIXELS = 4096 * 4096
# Frames are judged at this size: enough to see darkness and motion, cheap enough for every frame.
GLANCE = (64, 36)
BLACK_BELOW = 20.0
"""Mean luma (0 to 255) that no frame of a black video reaches; video black is 16."""
FROZEN_BELOW = 0.05
"""Mean change of luma between frames that no pair of frames of a frozen video reaches: codec noise stays below."""
POSTER_QUALITY = 4  # of mjpeg: 2 is best, 31 is worst
TRANSCODE = {"crf": "23", "preset": "veryfast"}
FASTSTART = {"movflags": "+faststart"}


class VideoError(Exception):
    """The file cannot be read as a video to its end. The text is a sentence for its uploader."""


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

    @property
    def plays_everywhere(self) -> bool:
        return self.codec == "h264" and self.pixels in ("yuv420p", "yuvj420p")


def inspect(file: IO[bytes]) -> VideoFacts:
    """Decode to the end. Raises VideoError."""
    try:
        with av.open(file, "r", format="mp4") as container:
            return _facts(container)
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


def remux(file: IO[bytes], target: Path) -> None:
    """The same frames with the index in front."""
    file.seek(0)
    with av.open(file, "r", format="mp4") as source, av.open(target, "w", format="mp4", options=FASTSTART) as output:
        video = source.streams.video[0]
        stream = output.add_stream_from_template(video)
        for packet in source.demux(video):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)


def transcode(file: IO[bytes], target: Path) -> None:
    """H.264 in yuv420p, with even sides and the index in front: what every browser plays."""
    file.seek(0)
    with av.open(file, "r", format="mp4") as source, av.open(target, "w", format="mp4", options=FASTSTART) as output:
        video = source.streams.video[0]
        stream: Any = output.add_stream("libx264", rate=video.average_rate or Fraction(15), options=TRANSCODE)
        stream.width, stream.height = video.width // 2 * 2, video.height // 2 * 2
        stream.pix_fmt = "yuv420p"
        for frame in islice(source.decode(video), MAX_FRAMES):
            picture = frame.reformat(stream.width, stream.height, "yuv420p")
            picture.pts = None
            output.mux(stream.encode(picture))
        output.mux(stream.encode())


def _facts(container: Any) -> VideoFacts:
    if not container.streams.video:
        raise VideoError("The file holds no video.")
    stream = container.streams.video[0]
    if stream.width * stream.height > MAX_PIXELS:
        raise VideoError(f"The picture has more than {MAX_PIXELS} pixels.")
    poster, glances = b"", []
    for frame in islice(container.decode(stream), MAX_FRAMES):
        poster = poster or _jpeg(frame)
        glances.append(frame.reformat(*GLANCE, "gray").to_ndarray())
    rate = float(stream.average_rate or 0)
    # A file that was cut off may decode without an error, and then holds fewer frames than its index says.
    if not glances or not rate or len(glances) < min(stream.frames, MAX_FRAMES):
        raise VideoError("The video ends before its end.")
    return VideoFacts(
        duration_s=len(glances) / rate,
        frames=len(glances),
        width=stream.width,
        height=stream.height,
        codec=stream.codec_context.name,
        pixels=str(stream.codec_context.pix_fmt),
        black=all(glance.mean() < BLACK_BELOW for glance in glances),
        frozen=len(glances) > 1 and all(change < FROZEN_BELOW for change in _changes(glances)),
        poster=poster,
    )


def _changes(glances: list[np.ndarray[Any, Any]]) -> Iterator[float]:
    """The mean change of luma from each frame to the next."""
    for before, after in pairwise(glances):
        yield float(np.abs(after.astype(np.int16) - before).mean())


def _jpeg(frame: Any) -> bytes:
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": str(POSTER_QUALITY), "qmax": str(POSTER_QUALITY)}
    picture = frame.reformat(format="yuvj420p")
    picture.pts = None
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
