"""How long a model takes to tag 1,000 sessions, against the limit that its calls at once give; and a report on 10,000.

`python -m benchmarks.tagging`. The platform runs as `manage.py up` starts it, in a folder of its own. The server of
models answers each call after two seconds, whatever it is asked, as many at once as there are threads. The limit is
what nobody can beat: calls times seconds through as many as may be under way. A visitor reads pages before and
meanwhile. The report is written from templates, in the shell, over copies of the same sessions.
"""

import argparse
import asyncio
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from benchmarks.assign import HOST, percentile, process
from benchmarks.common import Comparison, less_is_better, more_is_better, report

if TYPE_CHECKING:
    from tests.workers.platform import Platform

GOAL = 0.9
REPORT_SESSIONS = 10_000
REPORT_GOAL_S = 60.0
PAGES = ("/", "/status", "/sessions")
LONGEST_S = 1800
SEEN = {
    "task_category": "pick-place", "kind": "everyday", "difficulty": "easy", "clear_view": True, "good_light": True,
    "simple_scene": True, "clear_instruction": True, "needs_reasoning": False, "why": "A block is put onto a plate.",
    "a": {
        "failures": [{"mode": "dropped", "at_seconds": 1.0, "why": "The block falls."}], "recovered": True,
        "progress_percent": 80, "why": "It picks it up again.",
    },
    "b": {"failures": [], "recovered": None, "progress_percent": 40, "why": ""},
}  # fmt: skip
# Sessions as evaluators leave them; their videos are copies of one that was checked, with its contact sheet.
SEED = """
import random
from django.conf import settings
from evaluations import media
from evaluations.models import MediaFile, Preference, Side
from tests import factories
from tests.evaluations.films import encoded, moving_between

settings.TRAINING_REQUIRED = False
arena = factories.make_arena(policies_in_pool=5)
rng = random.Random(1)
for number in range(SESSIONS):
    film = encoded(moving_between(0.5, 1.5, seconds=2)) if number == 0 else None
    session = factories.open_session(arena, f"put block {number} on the plate")
    factories.finish_session(session, preference=rng.choice(list(Preference)), video=film)
for side in Side.objects.filter(media__isnull=False).distinct():
    media.check_side(side_id=side.pk, now=session.opened_at)
checked = MediaFile.objects.filter(check_state="passed").exclude(sheet="").values().first()
checked.pop("id")
every = [side.pk for side in Side.objects.all()]
held = set(MediaFile.objects.values_list("side_id", "kind"))
MediaFile.objects.bulk_create([
    MediaFile(**{**checked, "side_id": side, "kind": kind})
    for side in every for kind in ("left", "right", "wrist") if (side, kind) not in held
])
"""
TAGGED = "from evaluations.models import Tagging\nprint(Tagging.objects.values('session').distinct().count())"
# As many more, with all that was said of them: what the evidence is read from.
REPORT = """
import json, resource, time, uuid
from django.utils import timezone
from evaluations.models import Episode, Result, Session, Side, Tag, Tagging
from reports import policy_reports, work
from reports.evidence.reading import counted_sessions
from reports.models import PolicyReport, Work
from reports.writing import writing

version = Side.objects.order_by("pk").first().version
old = list(counted_sessions(version))
sides = {}
for side in Side.objects.filter(session__in=old).select_related("episode"):
    sides.setdefault(side.session_id, []).append(side)
results = {one.session_id: one for one in Result.objects.filter(session__in=old)}
taggings = {one.session_id: one for one in Tagging.objects.filter(session__in=old)}
tags = {}
for tag in Tag.objects.filter(session__in=old):
    tags.setdefault(tag.session_id, []).append(tag)


def copy(row, **changes):
    values = {one.attname: getattr(row, one.attname) for one in row._meta.concrete_fields if not one.primary_key}
    return type(row)(**{**values, **changes})


for begin in range(len(old), TOTAL, 500):
    olds = [old[number % len(old)] for number in range(begin, min(begin + 500, TOTAL))]
    new = [(copy(one, pk=uuid.uuid4()), one) for one in olds]
    Session.objects.bulk_create([made for made, _ in new])
    pairs = [(copy(side, session_id=made.pk, token_digest=None), side) for made, one in new for side in sides[one.pk]]
    Side.objects.bulk_create([made for made, _ in pairs])
    by_old = {(made.session_id, side.pk): made.pk for made, side in pairs}
    Episode.objects.bulk_create([copy(side.episode, side_id=made.pk) for made, side in pairs])
    Result.objects.bulk_create([copy(results[one.pk], session_id=made.pk) for made, one in new])
    looks = [(copy(taggings[one.pk], session_id=made.pk), made, one) for made, one in new if one.pk in taggings]
    Tagging.objects.bulk_create([look for look, _, _ in looks])
    Tag.objects.bulk_create([
        copy(tag, session_id=made.pk, tagging_id=look.pk, side_id=by_old.get((made.pk, tag.side_id)))
        for look, made, one in looks for tag in tags.get(one.pk, [])
    ])

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
piece = Work.objects.filter(kind="write-report", subject=policy_reports.subject_of(version), state="waiting").first()
piece = piece or work.ask(kind="write-report", subject=policy_reports.subject_of(version), now=timezone.now())
Work.objects.filter(pk=piece.pk).update(provider="builtin", next_try_at=timezone.now())
began = time.perf_counter()
writing.do(work_id=piece.pk, now=timezone.now())
seconds = time.perf_counter() - began
made = PolicyReport.objects.filter(version=version).latest("number")
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "sessions": made.sessions, "claims": len(made.claims),
                  "before_mb": before / 1024, "peak_mb": after / 1024}))
"""


# --- The server of models -------------------------------------------------------------------------------------------


@dataclass
class Served:
    """What it was asked, by its own clock."""

    seconds: float
    asked: int = 0
    pictures: int = 0
    under_way: int = 0
    most: int = 0
    first: float = 0.0
    last: float = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                body = await reader.readexactly(int(lengths[0].partition(b":")[2])) if lengths else b""
                answer = json.dumps(await self.answer(body) if body else vars(self)).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n" % len(answer) + answer)
                await writer.drain()
        writer.close()

    async def answer(self, body: bytes) -> dict[str, Any]:
        self.first = self.first or time.monotonic()
        self.asked += 1
        self.pictures += body.count(b"data:image/jpeg;base64,")
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self.seconds)
        self.under_way -= 1
        self.last = time.monotonic()
        message = {"role": "assistant", "content": json.dumps(SEEN), "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
        return {"id": "c", "object": "chat.completion", "model": "bench", "choices": [choice], "usage": usage}


async def serve_models(pipe: Connection, seconds: float) -> None:
    server = await asyncio.start_server(Served(seconds).serve, HOST, 0, limit=2**20, backlog=512)
    pipe.send(server.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


def run_models(pipe: Connection, seconds: float) -> None:
    asyncio.run(serve_models(pipe, seconds))


# --- Runs -----------------------------------------------------------------------------------------------------------


@dataclass
class Found:
    span_s: float = 0.0
    from_start_s: float = 0.0
    most: int = 0
    pictures: int = 0
    cpu_s: dict[str, float] = field(default_factory=dict)
    quiet_ms: list[float] = field(default_factory=list)
    busy_ms: list[float] = field(default_factory=list)
    load: float = 0.0
    report: dict[str, float] = field(default_factory=dict)


def read_pages(platform: "Platform") -> Iterator[float]:
    """Milliseconds that each took."""
    for path in PAGES:
        began = time.perf_counter()
        requests.get(platform.url + path, timeout=60).raise_for_status()
        yield (time.perf_counter() - began) * 1000


def cpu_seconds(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(given: argparse.Namespace, port: int) -> Found:
    from tests.homes import temporary_home
    from tests.workers.platform import Platform, running_platform

    provider = {"URL": f"http://{HOST}:{port}/v1", "MODEL": "bench", "VISION": "1", "PER_MINUTE": "0"}
    options = {f"MODEL_BENCH_{name}": value for name, value in provider.items()}
    options |= {"MODEL_BENCH_CONCURRENCY": str(given.at_once), "MODEL_CALLS_AT_ONCE": str(given.at_once)}
    found = Found()
    with temporary_home() as home:
        home.mkdir()
        Platform(home).shell(SEED, SESSIONS=given.sessions)
        print(f"{given.sessions} sessions with three cameras a side", flush=True)
        with running_platform(home, MODEL_PROVIDERS="bench", **options) as platform:
            tag_all(given, platform, port, found)
        if given.report:
            # Without the platform, so that it does not tag the copies meanwhile.
            found.report = json.loads(Platform(home).shell(REPORT, TOTAL=given.report))
            print(found.report, flush=True)
    return found


def tag_all(given: argparse.Namespace, platform: "Platform", port: int, found: Found) -> None:
    began = time.monotonic()
    served: dict[str, Any] = {"asked": 0}
    while served["asked"] < given.sessions or served["under_way"]:
        timed = list(read_pages(platform))
        (found.busy_ms if served["asked"] else found.quiet_ms).extend(timed)
        served = requests.get(f"http://{HOST}:{port}/", timeout=60).json()
        if time.monotonic() - began > LONGEST_S:
            raise RuntimeError(f"not within {LONGEST_S} s: {served}")
        time.sleep(0.5)
    found.load = os.getloadavg()[0]
    found.cpu_s = {"models": cpu_seconds(platform.processes("--hostname models@"))}
    found.span_s, found.from_start_s = served["last"] - served["first"], served["last"] - began
    found.most, found.pictures = served["most"], served["pictures"]
    deadline = time.monotonic() + 60
    while (tagged := int(platform.shell(TAGGED))) < given.sessions and time.monotonic() < deadline:
        pass  # the shell takes seconds itself
    if tagged != given.sessions or served["pictures"] != 6 * served["asked"]:
        raise RuntimeError(f"{tagged} sessions are tagged, {served}")
    print(f"{found.span_s:.1f} s, {found.most} at once, load {found.load:.1f}", flush=True)


def compared(given: argparse.Namespace, found: Found) -> Iterator[Comparison]:
    limit = math.ceil(given.sessions / given.at_once) * given.seconds
    case = f"{given.sessions} sessions, {given.at_once} at once, {given.seconds:g} s a call, load {found.load:.0f}"
    yield less_is_better(
        case=case, metric="first call to last answer, s", peer="limit", ours=found.span_s, theirs=limit, goal=GOAL
    )
    yield less_is_better(
        case=case, metric="start to last answer, s", peer="limit", ours=found.from_start_s, theirs=limit
    )
    yield more_is_better(
        case=case, metric="most calls at once", peer="limit", ours=found.most, theirs=given.at_once, goal=1
    )
    each_ms = 1000 * found.cpu_s["models"] / given.sessions
    waited = 1000 * given.seconds
    yield less_is_better(case=case, metric="CPU of a session, ms", peer="its call, ms", ours=each_ms, theirs=waited)
    for which in (50, 95):
        busy, quiet = percentile(found.busy_ms, which), percentile(found.quiet_ms, which)
        yield less_is_better(
            case="pages meanwhile", metric=f"p{which}, ms", peer="before the first call", ours=busy, theirs=quiet
        )
    if found.report:
        case = f"report by templates, {found.report['sessions']:,} sessions"
        seconds, grown = found.report["seconds"], found.report["peak_mb"]
        goal = f"{REPORT_GOAL_S:g} s"
        yield less_is_better(case=case, metric="s", peer=goal, ours=seconds, theirs=REPORT_GOAL_S, goal=1)
        before = found.report["before_mb"]
        yield less_is_better(case=case, metric="peak memory, MB", peer="before", ours=grown, theirs=before)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sessions", type=int, default=1000)
    arguments.add_argument("--at-once", type=int, default=32)
    arguments.add_argument("--seconds", type=float, default=2.0, help="that each call takes")
    arguments.add_argument("--report", type=int, default=REPORT_SESSIONS, help="sessions of the report; 0: none")
    given = arguments.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "arena.config.settings"
    with process(run_models, given.seconds) as port:
        found = measure(given, port)
    return report("tagging", list(compared(given, found)))


if __name__ == "__main__":
    sys.exit(main())
