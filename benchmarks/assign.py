"""How long an evaluator waits for a pair: `get_policies_to_compare` with 1,000 policies, of which many are down.

`python -m benchmarks.assign`. The platform runs as `manage.py up` starts it, in a folder of its own; all pairs of its
policies are weighed. Evaluators ask as the RoboArena client does, each at a station of a lab of its own: a new
connection and a new task each time, and the session is ended before the next one. The peer finds its pair as
RoboArena's server does, by trying policy servers inside the call; it is spared everything else: it knows no person,
checks nothing, draws by no weights, stores no session, and is content with the first two servers that answer.
"""

import argparse
import asyncio
import functools
import http.client
import itertools
import json
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from benchmarks.common import Comparison, less_is_better, report
from benchmarks.relay import METADATA, pack

HOST = "127.0.0.1"
EVALUATORS = 16
GOAL_MS = 50.0
# What may lie between the shares of policies that are down, for the call to be called independent of them.
SAME = 1.25
SHARES = (0.0, 0.5, 0.9)
LABS = 50
# From which a board, and the weights of all pairs, are computed before the first call.
SESSIONS = 200
# The sessions of the benchmark end a hundred times as often as those of people; the sweep of each minute is enough.
DEBOUNCE_S = 3600
SEED = """
import json, random
from io import StringIO
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from evaluations.models import PairWeight, Preference
from tests import factories

settings.TRAINING_REQUIRED = False
labs = [factories.make_lab() for _ in range(LABS)]
for number in range(POLICIES):
    factories.make_version(lab=labs[number % LABS], url=URL)
stations = [factories.make_arena(policies_in_pool=0) for _ in range(EVALUATORS)]
rng = random.Random(1)
for number in range(SESSIONS):
    session = factories.open_session(stations[number % EVALUATORS], f"stack block {number}")
    factories.finish_session(session, preference=rng.choice(list(Preference)))
call_command("recompute", stdout=StringIO())
assert PairWeight.objects.count() == POLICIES * (POLICIES - 1) // 2
print(json.dumps([{"email": one.dana.email, "code": one.code} for one in stations]))
"""
# As the checks of the worker would leave it, which go on meanwhile.
TURN = """
import random
from django.utils import timezone
from arena.models import Endpoint

every = sorted(Endpoint.objects.values_list("pk", flat=True))
down = random.Random(2).sample(every, round(len(every) * SHARE))
well, now = METADATA, timezone.now()
Endpoint.objects.update(url=UP, health="up", failures=0, last_problem="", checked_at=now, metadata=well)
Endpoint.objects.filter(pk__in=down).update(url=DOWN, health="down", failures=3, last_problem="silent")
"""


# --- Policy servers, and the peer -----------------------------------------------------------------------------------


async def serve_policies(pipe: Connection) -> None:
    """A server that is well, and one that takes connections and never answers: one of the two is at each address."""

    async def well(connection: ServerConnection) -> None:
        with suppress(WebSocketException):
            await connection.send(pack(METADATA))
            await connection.wait_closed()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.read()
        writer.close()

    up = await serve(well, HOST, 0, compression=None)
    down = await asyncio.start_server(silent, HOST, 0)
    pipe.send([f"ws://{HOST}:{next(iter(server.sockets)).getsockname()[1]}" for server in (up, down)])
    await asyncio.Event().wait()


def run_policies(pipe: Connection) -> None:
    asyncio.run(serve_policies(pipe))


class ProbingServer(ThreadingHTTPServer):
    """Gives the first two policies, in random order, whose server opens a websocket now."""

    request_queue_size = 256
    daemon_threads = True

    def __init__(self, policies: Sequence[str], timeout_s: float) -> None:
        super().__init__((HOST, 0), ProbingHandler)
        self._policies = policies
        self._timeout_s = timeout_s

    def pair(self) -> list[str]:
        found: list[str] = []
        for url in random.sample(self._policies, len(self._policies)):
            with suppress(OSError, TimeoutError, WebSocketException):
                connect(url, open_timeout=self._timeout_s, close_timeout=self._timeout_s, compression=None).close()
                found.append(url)
            if len(found) == 2:
                break
        return found


class ProbingHandler(BaseHTTPRequestHandler):
    server: ProbingServer

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        pair = self.server.pair() if self.path == "/get_policies_to_compare" else []
        body = json.dumps({"session_id": "", "policies": pair}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def run_peer(pipe: Connection, policies: Sequence[str], timeout_s: float) -> None:
    server = ProbingServer(policies, timeout_s)
    pipe.send(server.server_address[1])
    server.serve_forever()


@contextmanager
def process(run: Callable[..., None], *arguments: Any) -> Iterator[Any]:
    """A server in a process of its own; gives what it says of itself when it is ready."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    started = context.Process(target=run, args=(theirs, *arguments), daemon=True)
    started.start()
    theirs.close()  # so that its end is noticed
    try:
        yield ours.recv()
    finally:
        started.terminate()
        started.join()


# --- Evaluators -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evaluator:
    email: str
    code: str


@dataclass(frozen=True)
class Asking:
    """So many evaluators, each asking so often, with a pause of so many seconds on average between two sessions."""

    evaluators: int
    calls: int
    pause_s: float = 0.0


def latencies(port: int, asking: Asking, evaluators: Sequence[Evaluator]) -> list[float]:
    """Of all calls of all evaluators, in ms. They ask from another process: what it does is nobody's waiting."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(ask_all, (port, asking, evaluators[: asking.evaluators]))


def ask_all(port: int, asking: Asking, evaluators: Sequence[Evaluator]) -> list[float]:
    with ThreadPoolExecutor(len(evaluators)) as pool:
        found = list(pool.map(functools.partial(ask_again_and_again, port, asking), evaluators))
    return list(itertools.chain.from_iterable(found))


def ask_again_and_again(port: int, asking: Asking, evaluator: Evaluator) -> list[float]:
    rng, found = random.Random(evaluator.email), []
    for _ in range(asking.calls):
        time.sleep(2 * asking.pause_s * rng.random())
        asked = {
            "eval_location": "benchmark",
            "evaluator_name": evaluator.email,
            "evaluator_code": evaluator.code,
            "language_instruction": f"put block {random.getrandbits(64)} on the shelf",
            "robot_name": "DROID",
        }
        began = time.perf_counter()
        answer = post(port, "/get_policies_to_compare", asked)
        found.append((time.perf_counter() - began) * 1000)
        if len(answer["policies"]) != 2:
            raise RuntimeError(f"no pair: {answer}")
        notes = "PREFERENCE=TIE\nLONGFORM_FEEDBACK=not run\n"
        ended = {"session_id": answer["session_id"], "evaluator_code": evaluator.code, "evaluation_notes": notes}
        post(port, "/terminate_session", ended)
    return found


def post(port: int, path: str, said: dict[str, str]) -> Any:
    connection = http.client.HTTPConnection(HOST, port, timeout=600)
    connection.request("POST", path, json.dumps(said), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
    return json.loads(body)


# --- Runs -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """`theirs` is fewer calls: each waits for a timeout for every silent server that it meets."""

    share: float
    ours: Asking
    theirs: Asking

    @property
    def name(self) -> str:
        number = self.ours.evaluators
        pause = f", {self.ours.pause_s:g} s apart" if self.ours.pause_s else ""
        return f"{self.share:.0%} down, {number} evaluator{'s' if number > 1 else ''}{pause}"


def cases(given: argparse.Namespace) -> list[Case]:
    every = [
        Case(0.5, Asking(1, given.calls), Asking(1, 5)),
        Case(0.5, Asking(EVALUATORS, given.calls // 4, given.pause), Asking(EVALUATORS, 2, given.pause)),
    ]
    theirs = {0.0: 20, 0.5: 3, 0.9: 1}
    return every + [Case(share, Asking(EVALUATORS, given.calls), Asking(EVALUATORS, theirs[share])) for share in SHARES]


def measure_ours(given: argparse.Namespace, up: str, down: str) -> dict[Case, list[float]]:
    from tests.homes import temporary_home
    from tests.workers.platform import running_platform

    found: dict[Case, list[float]] = {case: [] for case in cases(given)}
    with temporary_home() as home, running_platform(home, BOARD_DEBOUNCE_SECONDS=str(DEBOUNCE_S)) as platform:
        seeded = platform.shell(
            SEED,
            URL=up,
            POLICIES=given.policies,
            LABS=LABS,
            EVALUATORS=EVALUATORS,
            SESSIONS=SESSIONS,
        )
        evaluators = [Evaluator(**one) for one in json.loads(seeded)]
        print(f"{given.policies} policies, all pairs weighed", flush=True)
        for _ in range(given.rounds):
            for share, of_share in itertools.groupby(
                sorted(found, key=lambda case: case.share), lambda case: case.share
            ):
                platform.shell(TURN, UP=up, DOWN=down, SHARE=share, METADATA=METADATA)
                # Threads, database connections and what is kept in memory are there after a while, as on any day.
                latencies(platform.port, Asking(EVALUATORS, 10), evaluators)
                for case in of_share:
                    found[case] += latencies(platform.port, case.ours, evaluators)
                    print(f"{case.name}: {summary(found[case])}", flush=True)
    return found


def measure_theirs(given: argparse.Namespace, up: str, down: str) -> dict[Case, list[float]]:
    found = {}
    evaluators = [Evaluator(str(number), "") for number in range(EVALUATORS)]
    for case in cases(given):
        silent = round(given.policies * case.share)
        policies = [down] * silent + [up] * (given.policies - silent)
        with process(run_peer, policies, given.timeout) as port:
            found[case] = latencies(port, case.theirs, evaluators)
        print(f"{case.name}, peer: {summary(found[case])}", flush=True)
    return found


def summary(values: Sequence[float]) -> str:
    return f"p50 {percentile(values, 50):.1f} ms, p95 {percentile(values, 95):.1f} ms of {len(values)}"


def percentile(values: Sequence[float], which: float) -> float:
    return float(np.percentile(values, which))


def compared(
    ours: dict[Case, list[float]], theirs: dict[Case, list[float]], *, timeout_s: float
) -> Iterator[Comparison]:
    peer = f"probing in the call, {timeout_s:g} s timeout"
    for case in ours:
        p50, p95 = (percentile(ours[case], which) for which in (50, 95))
        yield less_is_better(case=case.name, metric="p50, ms", peer=peer, ours=p50, theirs=percentile(theirs[case], 50))
        yield less_is_better(case=case.name, metric="p95, ms", peer=peer, ours=p95, theirs=percentile(theirs[case], 95))
        if case.ours.evaluators == EVALUATORS:
            goal = f"{GOAL_MS:g} ms"
            yield less_is_better(case=case.name, metric="p95, ms", peer=goal, ours=p95, theirs=GOAL_MS, goal=1)
    alike = [case for case in ours if case.ours.evaluators == EVALUATORS and not case.ours.pause_s]
    by_share = {case.share: percentile(ours[case], 95) for case in alike}
    for share in SHARES[1:]:
        yield less_is_better(
            case=f"{share:.0%} down against 0%, {EVALUATORS} evaluators",
            metric="p95, ms",
            peer=f"{SAME:g} x ours with 0% down",
            ours=by_share[share],
            theirs=SAME * by_share[0.0],
            goal=1,
        )


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--policies", type=int, default=1000)
    arguments.add_argument("--calls", type=int, default=40, help="of each evaluator, in a round")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--pause", type=float, default=1.0, help="seconds between two sessions, where there are any")
    arguments.add_argument("--timeout", type=float, default=3.0, help="of the peer's probe, in seconds")
    arguments.add_argument("--no-peer", action="store_true", help="measure us alone, and write nothing")
    given = arguments.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "arena.config.settings"
    with process(run_policies) as (up, down):
        ours = measure_ours(given, up, down)
        if given.no_peer:
            return 0
        theirs = measure_theirs(given, up, down)
    return report("assign", list(compared(ours, theirs, timeout_s=given.timeout)))


if __name__ == "__main__":
    sys.exit(main())
