"""How fast the facts of a video are found, against real time and against decoding alone, on one core.

    python -m benchmarks.media_facts [--seconds 60] [--rounds 5]

The whole inspection that the worker makes of an upload: decoding to the end, light, sharpness, motion, poster and
contact sheet. The peer decodes every frame by the same library and looks at none, which is the floor. The process is
bound to one core, so that the decoder has one thread. The videos are H.264 at 15 frames a second: a textured scene with
noise, in which a block moves as an arm would.
"""

import argparse
import io
import os
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import numpy as np

from benchmarks.common import Comparison, more_is_better, report
from evaluations import video

RATE = 15
SIZES = ((640, 480), (320, 240))
GOAL = 20.0


def film(width: int, height: int, seconds: int) -> bytes:
    random = np.random.default_rng(0)
    scene = random.integers(40, 216, (height // 16, width // 16, 3)).repeat(16, axis=0).repeat(16, axis=1)
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        stream: Any = output.add_stream("libx264", rate=Fraction(RATE), options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(seconds * RATE):
            picture = scene + random.normal(0, 4, scene.shape)
            left = int((width - width // 6) * (0.5 + 0.5 * np.sin(number / RATE)))
            picture[height // 3 : height // 2, left : left + width // 6] = (200, 60, 40)
            made = av.VideoFrame.from_ndarray(picture.clip(0, 255).astype(np.uint8), format="rgb24")
            output.mux(stream.encode(made))
        output.mux(stream.encode())
    return target.getvalue()


def inspect(content: bytes) -> None:
    video.inspect(io.BytesIO(content), deadline=time.monotonic() + 600)


def decode(content: bytes) -> None:
    with av.open(io.BytesIO(content), "r", format="mp4") as container:
        for _ in container.decode(video=0):
            pass


def cpu_s(run: Callable[[bytes], None], content: bytes) -> float:
    began = time.process_time()
    run(content)
    return time.process_time() - began


def measure(width: int, height: int, seconds: int, rounds: int) -> list[Comparison]:
    content = film(width, height, seconds)
    inspect(content)
    # The least of several: what other work of the machine adds is left out.
    pairs = [(cpu_s(inspect, content), cpu_s(decode, content)) for _ in range(rounds)]
    ours, floor = (seconds / min(values) for values in zip(*pairs, strict=True))
    case = f"{width} x {height}, {8 * len(content) / seconds / 1000:.0f} kbit/s"
    return [
        more_is_better(case=case, metric="x real time", peer="decoding alone (floor)", ours=ours, theirs=floor),
        more_is_better(case=case, metric="x real time", peer=f"{GOAL:g} x real time", ours=ours, theirs=GOAL, goal=1.0),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return report("media_facts", [row for size in SIZES for row in measure(*size, given.seconds, given.rounds)])


if __name__ == "__main__":
    sys.exit(main())
