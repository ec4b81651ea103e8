"""The command line. The result goes to the standard output, all else to the standard error."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from arena_client.answers import LABELS, Session
from arena_client.client import SERVER_VARIABLE, Client
from arena_client.errors import ArenaError
from arena_client.keys import VARIABLE, key_file
from arena_client.owning import check_lines, checked, results_table
from arena_client.policy import Closed, PolicyConnection, PolicyError, Unreachable
from arena_client.rollout import MAX_STEPS, Rollout, run_rollout
from arena_client.running import run_session
from arena_client.station import Station, load_station
from arena_client.terminal import Aborted, Prompts, attendant, show_progress, tell
from arena_client.videos import NoVideo

INTERRUPTED = 130
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Usage(Exception):
    """The command line makes no sense; the text says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except KeyboardInterrupt:
        tell("\narena-client: stopped.")
        return INTERRUPTED
    except Usage as error:
        tell(f"arena-client: {error}")
        return 2
    except ArenaError as error:
        if options.json:
            print(json.dumps({"error": {"code": error.code, "message": error.message, "hint": error.hint}}))
        tell(f"arena-client: {error}")
        if error.code == "training_first":
            tell("arena-client: add --training to do it now.")
        return 1
    except (PolicyError, Unreachable, Closed, NoVideo, Aborted, OSError, ValueError) as error:
        tell(f"arena-client: {error}")
        return 1


def _client(options: argparse.Namespace) -> Client:
    client = Client(options.server, wait=_wait)
    parts = urlsplit(client.server)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        tell(f"arena-client: {client.server} is not encrypted: the API key can be read on the way there.")
    return client


def _wait(reason: str, seconds: float) -> None:
    _pause(f"{reason} Trying again in {seconds:.0f} s.", seconds)


def _pause(reason: str, seconds: float) -> None:
    import time

    tell(reason)
    time.sleep(seconds)


def show_me(options: argparse.Namespace) -> int:
    with _client(options) as client:
        me = client.me()
    lines = [f"{me.email} ({me.name})", *(f"{lab.role or 'member'} of {lab.name} ({lab.slug})" for lab in me.labs)]
    if me.key:
        lines.append(f"key {me.key.prefix}… of {me.key.lab}: {', '.join(me.key.scopes)}")
    return _show(me, lines, options)


def show_stations(options: argparse.Namespace) -> int:
    with _client(options) as client:
        stations = [one for one in client.stations(options.lab) if one.retired_at is None]
    lines = [f"{one.id:6}  {one.name} ({one.embodiment}: {', '.join(one.cameras)})" for one in stations]
    return _show(stations, lines, options)


def open_session(options: argparse.Namespace) -> int:
    with _client(options) as client:
        session = client.open_session(options.station_id, options.instruction, training=options.training or None)
        page = client.page(session.id)
    addresses = [f"{label}: {side.relay_url}" for label, side in sorted(session.sides.items())]
    return _show(session, [f"session {session.id}", *addresses, f"judge it at {page}"], options)


def rollout(options: argparse.Namespace) -> int:
    """One rollout at an address, or of a session's side."""
    address, instruction = options.address, options.instruction
    if (address is None) == (options.session is None) or (options.session and not options.side):
        raise Usage("give --address, or --session and --side")
    station = _station(options.station)
    if options.session:
        with _client(options) as client:
            session = client.session(options.session)
        address, instruction = session.sides[options.side].relay_url, session.instruction
        if not address:
            raise Usage("this session has ended")
    people = attendant(opened=lambda session: None, quiet=options.json)
    with PolicyConnection(address, prompt=instruction) as policy:
        people.say(f"connected: the policy moves the robot by {policy.metadata.action_space}")
        done = run_rollout(
            station,
            policy,
            instruction=instruction,
            max_steps=options.max_steps,
            chunk=options.chunk,
            folder=options.save,
            should_end=people.should_end,
            told=people.step,
        )
    return _show(done, _rollout_lines(done), options)


def _rollout_lines(done: Rollout) -> list[str]:
    told = [f"{done.steps} steps in {done.seconds:.1f} s, {1000 * done.mean_latency:.0f} ms an inference"]
    return told + [f"{kind}: {path}" for kind, path in done.files.items()]


def upload(options: argparse.Namespace) -> int:
    files = [_named_file(given) for given in options.file]
    with _client(options) as client:
        for kind, path in files:
            tell(f"{kind}: {path}")
            client.upload(options.session, options.side, kind, path, progress=_progress(options))
        media = client.session(options.session).sides[options.side].media
    return _show(media, [f"{one.kind}: {one.size / 1e6:.1f} MB, {one.state}" for one in media], options)


def _named_file(given: str) -> tuple[str, Path]:
    kind, separator, path = given.partition("=")
    if not separator:
        kind, path = Path(given).stem, given
    if not Path(path).is_file():
        raise Usage(f"there is no file {path}")
    return kind, Path(path)


def score(options: argparse.Namespace) -> int:
    if not 0 <= options.progress <= 100:
        raise Usage("progress goes from 0 to 100")
    success = options.progress == 100 if options.success is None else options.success
    with _client(options) as client:
        episode = client.record_episode(
            options.session,
            options.side,
            progress=options.progress / 100,
            success=success,
            failure_modes=options.failure_mode,
            recovered=options.recovered,
            duration_steps=options.steps - 1 if options.steps else None,
        )
    told = f"side {options.side}: {episode.progress:.0%}, {'done' if episode.success else 'not done'}"
    return _show(episode, [told], options)


def submit(options: argparse.Namespace) -> int:
    with _client(options) as client:
        session = client.submit(
            options.session,
            preference=options.preference,
            notes=options.notes,
            valid=False if options.invalid_reason else None,
            invalid_reason=options.invalid_reason,
            invalid_comment=options.comment,
        )
    return _show(session, _session_lines(session), options)


def abandon(options: argparse.Namespace) -> int:
    with _client(options) as client:
        session = client.abandon(options.session, reason=options.reason, comment=options.comment or "")
    return _show(session, _session_lines(session), options)


def check(options: argparse.Namespace) -> int:
    with _client(options) as client:
        found = checked(client, options.version, wait=_pause)
    _show(found, check_lines(found), options)
    return 0 if found.passed else 1


def pause(options: argparse.Namespace) -> int:
    with _client(options) as client:
        version = client.pause(options.version)
    return _show(version, [f"{version.version}: {version.pool}"], options)


def resume(options: argparse.Namespace) -> int:
    with _client(options) as client:
        version = client.resume(options.version)
    return _show(version, [f"{version.version}: {version.pool}"], options)


def results(options: argparse.Namespace) -> int:
    with _client(options) as client:
        rows = list(client.results(options.policy))
    return _show(rows, results_table(rows).splitlines(), options)


def run(options: argparse.Namespace) -> int:
    """A whole session. Stopped in between, it says how to go on."""
    if not options.instruction and not options.resume:
        raise Usage("give an --instruction, or --resume")
    station, opened = _station(options.station), []
    with _client(options) as client:

        def remember(session: Session) -> None:
            opened.append(session)
            tell(f"session {session.id}: {session.instruction}")
            if options.score_in_browser:
                tell(f"score it at {client.page(session.id)}")

        try:
            session = run_session(
                client,
                station,
                station_id=options.station_id,
                instruction=options.instruction or "",
                judge=None if options.score_in_browser else Prompts(say=tell),
                attendant=attendant(opened=remember, quiet=options.json),
                resume=options.resume,
                training=options.training,
                folder=options.save,
                max_steps=options.max_steps,
                chunk=options.chunk,
            )
        except BaseException:
            if opened:
                tell(_how_to_go_on(opened[0], options))
            raise
        lines = _session_lines(session) if not session.is_open else [f"judge it at {client.page(session.id)}"]
    return _show(session, lines, options)


def _how_to_go_on(session: Session, options: argparse.Namespace) -> str:
    more = " --score-in-browser" if options.score_in_browser else ""
    return (
        f"\nSession {session.id} stays open until {session.lease_expires_at or 'its lease ends'}; nothing is lost.\n"
        f"Go on:      arena-client run --resume --station-id {options.station_id} --station {options.station}{more}\n"
        f"Give it up: arena-client abandon {session.id} --reason no_time"
    )


def _session_lines(session: Session) -> list[str]:
    told = "valid" if session.valid else session.reason_text or session.reason
    named = [f"{label} was {side.policy.name}" for label, side in sorted(session.sides.items()) if side.policy]
    return [f"session {session.id}: {session.state}{f', {told}' if told else ''}", *named]


def _station(name: str) -> Station:
    # As `python -m` does: a station's module may lie in the folder from where it is run.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return load_station(name)
    except ValueError as error:
        raise Usage(str(error)) from error


def _progress(options: argparse.Namespace) -> Callable[[int, int], None]:
    return (lambda sent, total: None) if options.json else show_progress


def _show(result: Any, lines: Sequence[str], options: argparse.Namespace) -> int:
    print(json.dumps(_plain(result), indent=2) if options.json else "\n".join(lines))
    return 0


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="arena-client",
        description="Policy Arena from a robot station, and for the owners of policies.",
        epilog=f"The API key is taken from the variable {VARIABLE} or from the file {key_file()} (chmod 600).",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "me", show_me, "who the key is of")
    stations = _add(commands, "stations", show_stations, "the stations of your lab")
    stations.add_argument("--lab", help="its slug (default: the key's lab)")
    opening = _add(commands, "open", open_session, "open a session: the task first, then a pair is drawn")
    _add_task(opening)
    _add_training(opening)
    _add_rollout(_add(commands, "rollout", rollout, "run one rollout; with --address no API key is needed"))
    _add_results(commands)
    _add_run(_add(commands, "run", run, "a whole session: both sides, uploads, scores"))
    _add_owning(commands)
    return parser


def _add(commands: Any, name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text.capitalize())
    parser.add_argument("--server", help=f"the platform, https://HOST (default: the variable {SERVER_VARIABLE})")
    parser.add_argument("--json", action="store_true", help="the result as JSON")
    parser.set_defaults(command=command)
    return parser


def _add_task(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--station-id", type=int, required=True, help="as `arena-client stations` lists it")
    parser.add_argument("--instruction", required=True, help="what the robot is to do")


def _add_training(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--training", action="store_true", help="with policies known for practice; counts nowhere")


def _add_motion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--station", required=True, metavar="MODULE:CLASS", help="your station, see docs/client.md")
    parser.add_argument("--max-steps", type=_positive, default=MAX_STEPS, help="(default: %(default)s)")
    parser.add_argument("--chunk", type=_positive, help="actions carried out of those that come at once (default: all)")


def _add_rollout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--address", help="ws://HOST:PORT/relay/TOKEN, as the session's page shows it")
    parser.add_argument("--session", help="instead of an address, with --side")
    parser.add_argument("--side", choices=LABELS)
    parser.add_argument("--instruction", default="", help="told to the station; the relay tells the policy its own")
    parser.add_argument("--save", type=Path, metavar="DIR", help="film it there")
    _add_motion(parser)


def _add_results(commands: Any) -> None:
    sending = _add(commands, "upload", upload, "send a side's videos; what has arrived is not sent again")
    _add_side(sending)
    sending.add_argument("file", nargs="+", metavar="CAMERA=FILE", help="or a FILE that is named as its camera")
    scoring = _add(commands, "score", score, "score a side")
    _add_side(scoring)
    scoring.add_argument("--progress", type=int, required=True, help="0 to 100")
    scoring.add_argument("--success", action=argparse.BooleanOptionalAction, help="(default: at 100)")
    scoring.add_argument("--failure-mode", action="append", default=[], help="such as dropped; repeatable")
    scoring.add_argument("--recovered", action=argparse.BooleanOptionalAction, help="from its failure")
    scoring.add_argument("--steps", type=_positive, help="how many it took")
    judging = _add(commands, "submit", submit, "judge a session and end it")
    judging.add_argument("session")
    judging.add_argument("--preference", type=str.upper, choices=("A", "B", "TIE"))
    judging.add_argument("--notes", help="why")
    judging.add_argument("--invalid-reason", help="it is not to count, such as scene_differed")
    judging.add_argument("--comment", help="on the reason")
    leaving = _add(commands, "abandon", abandon, "give an open session up")
    leaving.add_argument("session")
    leaving.add_argument("--reason", required=True, help="such as robot_fault, no_time, evaluator_left")
    leaving.add_argument("--comment")


def _add_owning(commands: Any) -> None:
    named: list[tuple[str, Callable[[argparse.Namespace], int], str]] = [
        ("check", check, "have a policy's server checked, and wait for what was found"),
        ("pause", pause, "take a policy's version out of the pool"),
        ("resume", resume, "put it back into the pool"),
    ]
    for name, command, text in named:
        _add(commands, name, command, text).add_argument("version", metavar="SLUG@VERSION")
    listing = _add(commands, "results", results, "every published session of a policy of yours, as CSV")
    listing.add_argument("policy", metavar="SLUG")


def _add_side(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session")
    parser.add_argument("side", choices=LABELS)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--station-id", type=int, required=True, help="as `arena-client stations` lists it")
    parser.add_argument("--instruction", help="what the robot is to do")
    parser.add_argument("--resume", action="store_true", help="go on with the open session; finished sides stay")
    _add_training(parser)
    parser.add_argument("--score-in-browser", action="store_true", help="ask nothing here")
    parser.add_argument(
        "--save", type=Path, default=Path("arena-sessions"), metavar="DIR", help="(default: %(default)s)"
    )
    _add_motion(parser)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
