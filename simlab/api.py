"""The platform as a lab sees it that uses its API, by the stations' client."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from arena_client.answers import Session
from arena_client.client import Client
from arena_client.errors import ArenaError, Conflict, NotFound
from arena_client.errors import Unanswered as NoAnswer
from simlab.calls import INSIST_SECONDS, Pair, Refused, Side, Unanswered, Wait
from simlab.evidence import Evidence, trajectory_file


class ApiPlatform:
    """Sessions through the API, at the lab's station for one embodiment. The key never leaves the client."""

    def __init__(self, *, server: str, key: str, embodiment: str, wait: Wait) -> None:
        self._server = server
        self._key = key
        self._embodiment = embodiment
        self._client = Client(server, key, wait=wait, patience=INSIST_SECONDS)
        self._station_id: int | None = None

    def close(self) -> None:
        self._client.close()

    def enter(self) -> None:
        with _in_our_words():
            self._station_id = self._find_station()

    def ask_for_pair(self, *, instruction: str) -> Pair:
        with _in_our_words():
            if self._station_id is None:
                self._station_id = self._find_station()
            session = self._open(self._station_id, instruction)
        sides = [Side(label, side.relay_url or "") for label, side in sorted(session.sides.items())]
        return Pair(session.id, sides)

    def _open(self, station_id: int, instruction: str) -> Session:
        try:
            return self._client.open_session(station_id, instruction)
        except Conflict as conflict:
            if conflict.code != "training_first":
                raise
            return self._client.open_session(station_id, instruction, training=True)

    def deliver(self, pair: Pair, side: Side, instruction: str, evidence: Evidence) -> None:
        outcome = evidence.rollout.outcome
        with _in_our_words(), tempfile.TemporaryDirectory(prefix="simlab-") as folder:
            self._client.record_episode(
                pair.session_id,
                side.label,
                progress=outcome.progress,
                success=outcome.success,
                failure_modes=["dropped"] if outcome.dropped else [],
                duration_steps=max(0, outcome.steps - 1),
            )
            for kind, path in _written(evidence, Path(folder)):
                self._client.upload(pair.session_id, side.label, kind, path)

    def judge(self, pair: Pair, *, preference: str, feedback: str, mishap: str = "") -> None:
        with _in_our_words():
            self._client.submit(
                pair.session_id,
                preference=preference,
                notes=feedback,
                valid=not mishap,
                invalid_reason=mishap or None,
                invalid_comment=feedback if mishap else None,
            )

    def walk_away(self, pair: Pair) -> None:
        with _in_our_words():
            self._client.abandon(pair.session_id, reason="evaluator_left", comment="Called away in the middle.")

    def take_leave(self, session_id: str) -> None:
        # Short of patience: the platform may be stopping as well.
        with suppress(ArenaError), Client(self._server, self._key, patience=0.0, timeout=2.0) as client:
            client.abandon(session_id, reason="no_time", comment="The lab was closed during the session.")

    def _find_station(self) -> int:
        stations = [one for one in self._client.stations() if one.embodiment == self._embodiment]
        living = [one.id for one in stations if one.retired_at is None]
        if not living:
            raise NotFound("no_station", f"The lab has no station for {self._embodiment}.", status=404)
        return living[0]


def _written(evidence: Evidence, folder: Path) -> Iterator[tuple[str, Path]]:
    files = {camera: (f"{camera}.mp4", film) for camera, film in evidence.films.items()}
    files["trajectory"] = ("trajectory.npz", trajectory_file(evidence.rollout.trajectory))
    for kind, (name, content) in files.items():
        (folder / name).write_bytes(content)
        yield kind, folder / name


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except NoAnswer as error:
        raise Unanswered(str(error)) from error
    except ArenaError as error:
        raise Refused(error.status or 502, str(error)) from error
