"""Small makers of real rows, through the domain's own verbs. The people of the tests:

Alice owns policies, Bob is in her lab, Charlie is in another owner's lab, Dana evaluates, Eve is a steward.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.files.base import ContentFile, File
from django.utils import timezone

from arena import keys, labs, policies, stations
from arena.models import ClientKey, Lab, Person, PolicyVersion, Role, Station
from arena.policies import EndpointCheck
from evaluations import assignments, episodes, sessions
from evaluations.episodes import EpisodeReport
from evaluations.models import Label, MediaFile, PairWeight, Preference, Session
from evaluations.pairing import Pair
from evaluations.sessions import Judgement

_numbers = itertools.count(1)


def make_lab(name: str = "", *, simulated: bool = False) -> Lab:
    return labs.create_lab(name=name or f"Lab {next(_numbers)}", simulated=simulated)


def make_person(email: str, *, lab: Lab, role: Role, password: str | None = None) -> Person:
    return labs.add_member(lab=lab, email=email, role=role, password=password).person


def make_steward(email: str = "eve@example.org") -> Person:
    return Person.objects.create_superuser(email)


def make_station(
    *, lab: Lab, cameras: Iterable[str] = ("left", "right", "wrist"), embodiment: str = "DROID"
) -> Station:
    return stations.create_station(
        lab=lab, name=f"station {next(_numbers)}", cameras=list(cameras), embodiment=embodiment
    )


def make_version(
    name: str = "",
    *,
    lab: Lab,
    version: str = "1",
    embodiment: str = "DROID",
    url: str = "ws://policy.example:8000",
    up: bool = True,
    unlisted: bool = False,
) -> PolicyVersion:
    """A registered version whose server was found up, or was never asked."""
    made = policies.register_policy(
        lab=lab,
        name=name or f"policy {next(_numbers)}",
        version=version,
        embodiment=embodiment,
        endpoint_url=url,
        unlisted=unlisted,
    )
    if up:
        policies.record_endpoint_check(endpoint=made.endpoint, check=EndpointCheck(reached=True))
    return made


@dataclass(frozen=True)
class Arena:
    """An owners' lab with policies, and an evaluating lab with Dana, her station and her access code."""

    owners: Lab
    versions: list[PolicyVersion]
    lab: Lab
    dana: Person
    station: Station
    key: ClientKey
    code: str


def make_arena(
    *,
    policies_in_pool: int = 3,
    secret: str = "",
    simulated: bool = False,
    cameras: Iterable[str] = ("left", "right", "wrist"),
) -> Arena:
    """secret: the name of an unlisted policy among them, the first one."""
    owners = make_lab(simulated=simulated)
    first = [make_version(secret, lab=owners, version=f"{secret[:1]}-hush", unlisted=True)] if secret else []
    versions = first + [make_version(lab=owners) for _ in range(policies_in_pool - len(first))]
    lab = make_lab(simulated=simulated)
    dana = make_person(f"dana{next(_numbers)}@example.org", lab=lab, role=Role.EVALUATOR)
    station = make_station(lab=lab, cameras=cameras)
    key, code = keys.create_client_key(person=dana, station=station)
    return Arena(owners, versions, lab, dana, station, key, code)


def open_session(
    arena: Arena, instruction: str = "put the cup on the plate", *, now: datetime | None = None
) -> Session:
    return assignments.open_session(
        person=arena.dana, station=arena.station, key=arena.key, instruction=instruction, now=now or timezone.now()
    )


def upload_episode(
    session: Session,
    label: Label,
    *,
    progress: float = 0.5,
    success: bool = False,
    video: bytes | None = None,
    now: datetime | None = None,
) -> None:
    files: dict[str, File[bytes]] = {}
    if video is not None:
        files[MediaFile.Kind.LEFT] = ContentFile(video, name="left.mp4")
    report = EpisodeReport(progress=progress, success=success, duration_steps=100, reported_latency_s=0.1)
    episodes.record_episode(session=session, label=label, report=report, uploads=files, now=now or timezone.now())


def finish_session(
    session: Session,
    *,
    preference: Preference = Preference.A,
    progress: tuple[float, float] = (0.8, 0.4),
    notes: str = "A was steadier.",
    valid: bool = True,
    video: bytes | None = None,
    now: datetime | None = None,
) -> Session:
    """Both uploads and the judgement, as an evaluator would."""
    for label, value in zip(Label, progress, strict=True):
        upload_episode(session, label, progress=value, video=video, now=now)
    judgement = Judgement(preference=preference, notes=notes, valid=valid)
    return sessions.submit(session=session, judgement=judgement, now=now or timezone.now())


def stored_weights(version_ids: Iterable[int]) -> dict[Pair, float]:
    """The weights of the pairs of these versions that have one."""
    among = list(version_ids)
    stored = PairWeight.objects.filter(version_low__in=among, version_high__in=among)
    return {(low, high): weight for low, high, weight in stored.values_list("version_low", "version_high", "weight")}
