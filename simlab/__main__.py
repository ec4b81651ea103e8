"""`python -m simlab`: the policies' servers, the partner labs, and the oracle that knows the true ranking."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from simlab.labs import PROFILES
from simlab.policies import POLICIES, load_experts
from simlab.tasks import TASKS

if TYPE_CHECKING:
    from simlab.calls import Desk, Wait

CODE_VARIABLE = "SIMLAB_ACCESS_CODE"
KEY_VARIABLE = "ARENA_API_KEY"
EXTRA_PACKAGES = ("metaworld", "mujoco", "gymnasium", "requests")
"""Needed to run anything here; the platform itself does without them."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except KeyboardInterrupt:
        return 0
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA_PACKAGES:
            raise
        print(f"simlab: {package} is not installed: install requirements-simlab.lock", file=sys.stderr)
        return 1


def show_policies(options: argparse.Namespace) -> int:
    rows = [
        {
            "name": p.name,
            "version": p.version,
            "description": p.description,
            "licence": p.licence,
            "reads_images": False,
        }
        for p in POLICIES.values()
    ]
    return _show(rows, options, "{name:24} {version:3} {description}")


def show_labs(options: argparse.Namespace) -> int:
    rows = [profile.row() for profile in PROFILES.values()]
    return _show(rows, options, "{name:10} {title:40} {task_mix}")


def _show(rows: Sequence[Mapping[str, object]], options: argparse.Namespace, line: str) -> int:
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        print("\n".join(line.format_map(row) for row in rows))
    return 0


def run_servers(options: argparse.Namespace) -> int:
    from simlab.server import serving, stopped_by_signal

    load_experts()

    async def run() -> None:
        policies = [POLICIES[name] for name in options.policy or POLICIES]
        async with serving(policies=policies, host=options.host, first_port=options.first_port) as served:
            print(json.dumps({"ready": True, "policies": [one.row() for one in served]}), flush=True)
            await stopped_by_signal()

    try:
        asyncio.run(run())
    except OSError as error:
        print(f"simlab: cannot listen: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def run_lab(options: argparse.Namespace) -> int:
    from simlab.calls import Refused, Unanswered
    from simlab.lab import Lab

    report = _report_json if options.json else _report_line

    def wait(reason: str, seconds: float) -> None:
        report("waiting", reason=reason, seconds=seconds)
        time.sleep(seconds)

    try:
        platform = _platform(options, wait)
    except NoSecret as error:
        print(f"simlab: {error}", file=sys.stderr)
        return 2
    lab = Lab(profile=PROFILES[options.profile], platform=platform, report=report, wait=wait)
    try:
        lab.enter()
        lab.work(sessions=options.sessions, seed=options.seed, pause=options.pause)
    except (Refused, Unanswered) as error:
        print(f"simlab: {error}", file=sys.stderr)
        return 1
    finally:
        lab.close()
    return 0


class NoSecret(Exception):
    """The lab was not told how to show who it is."""


def _platform(options: argparse.Namespace, wait: Wait) -> Desk:
    from simlab.calls import Evaluator, Platform

    if options.api:
        from simlab.api import ApiPlatform

        key = os.environ.get(KEY_VARIABLE, "").strip()
        if not key:
            raise NoSecret(f"give the API key in {KEY_VARIABLE}")
        return ApiPlatform(server=options.server, key=key, embodiment=options.embodiment, wait=wait)
    if not options.institution or not options.email:
        raise NoSecret("say who evaluates: --institution and --email, or --api with a key")
    try:
        code = _access_code(options)
    except OSError as error:
        raise NoSecret(f"cannot read {options.code_file}: {error.strerror}") from error
    if not code:
        raise NoSecret(f"give the access code in {CODE_VARIABLE} or by --code-file")
    evaluator = Evaluator(options.email, options.institution, code, options.embodiment)
    return Platform(server=options.server, evaluator=evaluator, wait=wait)


def _access_code(options: argparse.Namespace) -> str:
    if options.code_file:
        return Path(options.code_file).read_text(encoding="utf-8").strip()
    return os.environ.get(CODE_VARIABLE, "").strip()


def _report_json(event: str, **facts: object) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)


def _report_line(event: str, **facts: object) -> None:
    told = ", ".join(f"{name} {value}" for name, value in facts.items())
    print(f"{event.replace('_', ' ')}: {told}", flush=True)


def run_oracle(options: argparse.Namespace) -> int:
    from simlab import oracle

    oracle.run(
        policies=options.policies,
        tasks=options.tasks,
        seeds=options.seeds,
        jobs=options.jobs,
        as_json=options.json,
        out=options.out,
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simlab", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, text in (
        ("policies", show_policies, "list the policies"),
        ("labs", show_labs, "list the labs' profiles"),
    ):
        listing = commands.add_parser(name, help=text)
        listing.add_argument("--json", action="store_true")
        listing.set_defaults(command=command)
    _add_serve(commands.add_parser("serve", help="serve policies by the RoboArena protocol"))
    _add_lab(commands.add_parser("lab", help="be a partner lab"))
    _add_oracle(commands.add_parser("oracle", help="find the true ranking by exhaustive rollouts"))
    return parser


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--first-port", type=int, default=9100, help="0 takes free ports (default: %(default)s)")
    parser.add_argument("--policy", action="append", choices=POLICIES, metavar="NAME", help="repeatable; default: all")
    parser.set_defaults(command=run_servers)


def _add_lab(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("profile", choices=PROFILES, metavar="PROFILE", help=", ".join(PROFILES))
    parser.add_argument("--server", required=True, help="the platform, as http://HOST:PORT")
    parser.add_argument("--api", action="store_true", help=f"use the API, with the key in {KEY_VARIABLE}")
    parser.add_argument("--institution", help="the lab's name on the platform (not with --api)")
    parser.add_argument("--email", help="the evaluator (not with --api)")
    parser.add_argument("--code-file", help=f"file with the access code (default: the variable {CODE_VARIABLE})")
    parser.add_argument("--embodiment", default="METAWORLD")
    parser.add_argument("--sessions", type=int, help="stop after so many (default: never)")
    parser.add_argument("--seed", type=int, help="repeat the same tasks and starts (default: by chance)")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between sessions (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON line an event")
    parser.set_defaults(command=run_lab)


def _add_oracle(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=40, help="starts a task (default: %(default)s)")
    parser.add_argument("--policies", nargs="+", choices=POLICIES, metavar="NAME", default=list(POLICIES))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, metavar="NAME", default=list(TASKS))
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", help="also write the JSON there")
    parser.set_defaults(command=run_oracle)


if __name__ == "__main__":
    # To be told to end is the same as Ctrl-C: whatever runs is left in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
