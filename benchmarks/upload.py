"""What uploads cost everybody else: 16 evaluators send videos of 24 MB at once to the platform's real processes.

`python -m benchmarks.upload`. The platform runs as `manage.py up` starts it, in a folder of its own. While the videos
are sent by tus, another process asks for pages, as it does before and after, when nothing else happens.
Every file is compared with what the platform says it has kept.
"""

import argparse
import base64
import hashlib
import http.client
import json
import multiprocessing
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import av
import numpy as np

from benchmarks.common import Comparison, less_is_better, more_is_better, report

MIB = 1024 * 1024
PAGES = ("/", "/sessions")
PLACES = [(side, kind) for kind in ("left", "right", "wrist") for side in ("A", "B")]
CHUNK = 4 * MIB  # as the page sends them
SEED = """
import json
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from evaluations import sessions
from evaluations.models import Label
from leaderboard import snapshots
from tests import factories

settings.TRAINING_REQUIRED = False
for number in range(30):
    arena = factories.make_arena() if number % 10 == 0 else arena
    factories.finish_session(factories.open_session(arena, f"stack block {number}"))
snapshots.recompute_all(now=timezone.now())
found = []
for number in range(EVALUATORS):
    arena = factories.make_arena()
    browser = SessionStore()
    browser[SESSION_KEY] = str(arena.dana.pk)
    browser[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    browser[HASH_SESSION_KEY] = arena.dana.get_session_auth_hash()
    browser.create()
    found.append({"session": str(factories.open_session(arena).pk), "cookie": browser.session_key})
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Evaluator:
    session: str
    cookie: str


@dataclass(frozen=True)
class Load:
    """How the files are sent: each evaluator at so many bytes a second, or as fast as they are taken."""

    name: str
    bytes_per_s: float | None


@dataclass(frozen=True)
class Figures:
    idle_ms: list[float]
    busy_ms: list[float]
    idle_mb: float
    peak_mb: float
    intact: int
    sent: int
    seconds: float


# --- Sending --------------------------------------------------------------------------------------------------------


class Sender:
    """One evaluator's browser, as far as tus goes."""

    def __init__(self, port: int, evaluator: Evaluator, bytes_per_s: float | None) -> None:
        self._port = port
        self._evaluator = evaluator
        self._pace = bytes_per_s
        token = secrets.token_hex(16)
        self._headers = {
            "Tus-Resumable": "1.0.0",
            "Cookie": f"sessionid={evaluator.cookie}; csrftoken={token}",
            "X-CSRFToken": token,
        }

    def send(self, data: bytes, *, side: str, kind: str) -> str:
        """The address of the finished upload."""
        said = metadata(session=self._evaluator.session, side=side, kind=kind, filename=f"{kind}.mp4")
        created = self.ask("POST", "/api/v1/uploads", {"Upload-Length": str(len(data)), "Upload-Metadata": said})
        url = "/" + created.partition("//")[2].partition("/")[2]
        for offset in range(0, len(data), CHUNK):
            self._patch(url, offset, memoryview(data)[offset : offset + CHUNK])
        return url

    def _patch(self, url: str, offset: int, piece: memoryview) -> None:
        headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        while True:
            began = time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
            connection.putrequest("PATCH", url)
            for name, value in {**self._headers, **headers, "Content-Length": str(len(piece))}.items():
                connection.putheader(name, value)
            connection.endheaders()
            self._paced(connection, piece, began)
            answer = connection.getresponse()
            answer.read()
            connection.close()
            if answer.status == 204:
                return
            if answer.status != 503:
                raise RuntimeError(f"PATCH: {answer.status}")
            time.sleep(float(answer.getheader("Retry-After") or 1))

    def _paced(self, connection: http.client.HTTPConnection, piece: memoryview, began: float) -> None:
        if self._pace is None:
            connection.send(piece)
            return
        step = 64 * 1024
        for start in range(0, len(piece), step):
            connection.send(piece[start : start + step])
            time.sleep(max(0.0, began + (start + step) / self._pace - time.perf_counter()))

    def ask(self, method: str, path: str, headers: dict[str, str]) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        connection.request(method, path, headers={**self._headers, **headers})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {body[:200]!r}")
        return answer.getheader("Location") or body.decode()

    def digest_of(self, url: str) -> str:
        return str(json.loads(self.ask("GET", url, {}))["media"]["sha256"])


def metadata(**said: str) -> str:
    return ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in said.items())


def video(megabytes: int) -> bytes:
    """A readable MP4 of about so many megabytes, filled to the byte: noise, which is what costs bytes."""
    rate = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.mp4"
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
            stream: Any = container.add_stream("libx264", rate=15, options={"preset": "ultrafast", "qp": "8"})
            stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
            written = 0
            while written < (megabytes - 2) * MIB:
                picture = rate.integers(0, 256, (480, 640, 3), dtype=np.uint8)
                packets = stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24"))
                written += sum(packet.size for packet in packets)
                container.mux(packets)
            container.mux(stream.encode())
        return path.read_bytes()


def unlike(base: bytes, size: int) -> bytes:
    """The same video with a box at its end that no player reads, so that no two files are the same."""
    filling = secrets.token_bytes(size - len(base) - 8)
    return base + (len(filling) + 8).to_bytes(4, "big") + b"free" + filling


# --- Watching -------------------------------------------------------------------------------------------------------


def ask_pages(port: int, stop: Event, answers: Any) -> None:
    """Pages, one after the other, as somebody would who reads fast. A process of its own: nobody else's lock counts."""
    found: list[float] = []
    number = 0
    while not stop.is_set():
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", PAGES[number % len(PAGES)])
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{PAGES[number % len(PAGES)]}: {answer.status}")
        found.append((time.perf_counter() - began) * 1000)
        number += 1
        time.sleep(0.02)
    answers.put(found)


def latencies(port: int, during: Callable[[], None]) -> list[float]:
    stop = multiprocessing.Event()
    answers: multiprocessing.Queue[list[float]] = multiprocessing.Queue()
    prober = multiprocessing.Process(target=ask_pages, args=(port, stop, answers))
    prober.start()
    try:
        during()
    finally:
        stop.set()
        found = answers.get(timeout=90)
        prober.join()
    return found


def memory_mb(pids: Sequence[int]) -> float:
    """What the processes hold by themselves and their share of the rest (PSS)."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def cpu_s(pids: Sequence[int]) -> float:
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")


class Peak:
    """The largest memory seen while the block runs."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.mb = 0.0

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            self.mb = max(self.mb, memory_mb(self._pids))


# --- Runs -----------------------------------------------------------------------------------------------------------


def wake_threads(port: int, at_once: int) -> None:
    """Threads and their database connections are made when they are needed first: that is no upload's doing."""

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", PAGES[number % len(PAGES)])
        connection.getresponse().read()
        connection.close()

    with ThreadPoolExecutor(2 * at_once) as pool:
        list(pool.map(ask, range(8 * at_once)))


def await_checks(port: int, evaluator: Evaluator) -> None:
    """The worker looks at the videos when they have arrived. It is idle again when the last of them was looked at."""
    sender = Sender(port, evaluator, None)
    while '"pending"' in sender.ask("GET", f"/api/v1/sessions/{evaluator.session}", {}):
        time.sleep(1)


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def measure(
    port: int, pids: Sequence[int], evaluators: Sequence[Evaluator], load: Load, given: Any, base: bytes
) -> Figures:
    places = PLACES[: given.rounds]
    files = [[unlike(base, given.megabytes * MIB) for _ in places] for _ in evaluators]
    intact = 0
    lock = threading.Lock()

    def run(number: int) -> None:
        nonlocal intact
        sender = Sender(port, evaluators[number], load.bytes_per_s)
        for data, (side, kind) in zip(files[number], places, strict=True):
            url = sender.send(data, side=side, kind=kind)
            same = sender.digest_of(url) == hashlib.sha256(data).hexdigest()
            with lock:
                intact += same

    def all_at_once() -> None:
        with ThreadPoolExecutor(len(evaluators)) as pool:
            list(pool.map(run, range(len(evaluators))))

    wake_threads(port, len(evaluators))
    idle = latencies(port, lambda: time.sleep(given.idle / 2))
    idle_mb = memory_mb(pids)
    began, used = time.monotonic(), cpu_s(pids)
    with Peak(pids) as peak:
        busy = latencies(port, all_at_once)
    print(f"CPU of the web processes: {cpu_s(pids) - used:.1f} s in {time.monotonic() - began:.1f} s", flush=True)
    for evaluator in evaluators:
        await_checks(port, evaluator)
    idle += latencies(port, lambda: time.sleep(given.idle / 2))
    return Figures(idle, busy, idle_mb, peak.mb, intact, len(evaluators) * len(places), time.monotonic() - began)


def compared(load: Load, figures: Figures, given: Any) -> list[Comparison]:
    case = f"{given.evaluators} x {given.megabytes} MB, {load.name}"
    idle, busy = p95(figures.idle_ms), p95(figures.busy_ms)
    return [
        more_is_better(
            case=case, metric="files intact", peer="files sent", ours=figures.intact, theirs=figures.sent, goal=1
        ),
        less_is_better(case=case, metric="p95 of a page, ms", peer="3 x idle", ours=busy, theirs=3 * idle, goal=1),
        less_is_better(case=case, metric="p95 of a page, ms", peer="idle", ours=busy, theirs=idle),
        less_is_better(
            case=case,
            metric="median of a page, ms",
            peer="idle",
            ours=statistics.median(figures.busy_ms),
            theirs=statistics.median(figures.idle_ms),
        ),
        less_is_better(
            case=case,
            metric="memory of the web processes, MB",
            peer="idle + 64",
            ours=figures.peak_mb,
            theirs=figures.idle_mb + 64,
            goal=1,
        ),
        less_is_better(
            case=case,
            metric="memory of the web processes, MB",
            peer="idle",
            ours=figures.peak_mb,
            theirs=figures.idle_mb,
        ),
    ]


def seeded(environment: dict[str, str], evaluators: int) -> list[Evaluator]:
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", SEED.replace("EVALUATORS", str(evaluators))],
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [Evaluator(**one) for one in json.loads(done.stdout.splitlines()[-1])]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--evaluators", type=int, default=16)
    arguments.add_argument("--megabytes", type=int, default=24)
    arguments.add_argument("--rounds", type=int, default=3, help="files of each evaluator, one after the other")
    arguments.add_argument("--idle", type=float, default=8.0, help="seconds of asking for pages before and after")
    arguments.add_argument(
        "--mbit", type=float, default=40, help="what each evaluator's line takes, in the slower case"
    )
    given = arguments.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "arena.config.settings"
    from tests.homes import temporary_home
    from tests.workers.platform import running_platform

    base = video(given.megabytes)
    comparisons: list[Comparison] = []
    for load in (Load("as fast as they are taken", None), Load(f"{given.mbit:g} Mbit/s each", given.mbit * 125_000)):
        with temporary_home() as home, running_platform(home) as platform:
            evaluators = seeded(platform.environment, given.evaluators)
            pids = platform.processes("gunicorn")
            figures = measure(platform.port, pids, evaluators, load, given, base)
        print(f"{load.name}: {figures.seconds:.1f} s, {len(figures.busy_ms)} pages meanwhile", flush=True)
        comparisons += compared(load, figures, given)
    return report("upload", comparisons)


if __name__ == "__main__":
    sys.exit(main())
