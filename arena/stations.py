"""Stations: a lab's robots, what they can be told, and what a stranger's policy must respect there."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from arena import affiliations, audit
from arena.errors import ArenaError, Conflict, NotFound
from arena.labs import clean_name, embodiment_named, find_lab
from arena.models import EXTERNAL_CAMERAS, ActionSpace, Camera, Lab, Person, PolicyVersion, Source, Station
from arena.texts import clean_text

GREATEST_SPEED = 20.0  # m/s: beyond any robot that shares a room with people


@dataclass(frozen=True)
class StationLimits:
    """What else a lab says of its station: what it can be told, where it stands, what a policy must respect."""

    action_spaces: Collection[str] = ()
    place: str = ""
    max_speed: float | None = None
    workspace: str = ""
    safety_notes: str = ""


NO_LIMITS = StationLimits()


@transaction.atomic
def create_station(
    *,
    lab: Lab,
    name: str,
    cameras: Iterable[str],
    embodiment: str = "DROID",
    limits: StationLimits = NO_LIMITS,
    by: Person | None = None,
) -> Station:
    """A station of `lab`; it is simulated where its lab is."""
    name = clean_name(name, what="A station")
    chosen = _clean_cameras(cameras)
    station = Station(lab=lab, name=name, embodiment=embodiment_named(embodiment), simulated=lab.simulated)
    station.cameras = chosen
    _apply(station, limits)
    _save(station)
    audit.record(
        "station:created", subject=_subject(station), person=by, lab=lab, cameras=chosen, embodiment=embodiment
    )
    return station


@transaction.atomic
def update_station(
    *,
    station: Station,
    name: str,
    cameras: Iterable[str],
    embodiment: str,
    limits: StationLimits,
    by: Person | None = None,
) -> Station:
    """Describe it anew. Its robot stays the same from its first session on: what was found there was found with it."""
    station = Station.objects.select_for_update(of=("self",)).select_related("lab", "embodiment").get(pk=station.pk)
    _require_in_use(station)
    robot = embodiment_named(embodiment)
    if robot != station.embodiment and has_sessions(station):
        raise Conflict(
            "station_has_sessions",
            f"{station.name} has sessions with {station.embodiment.name}: its robot stays the same.",
            hint="Describe the other robot as a station of its own.",
        )
    station.name = clean_name(name, what="A station")
    station.embodiment = robot
    station.cameras = _clean_cameras(cameras)
    _apply(station, limits)
    _save(station)
    audit.record("station:changed", subject=_subject(station), person=by, lab=station.lab, cameras=station.cameras)
    return station


@transaction.atomic
def retire_station(*, station: Station, now: datetime, by: Person | None = None) -> None:
    """It opens no session any more and its access codes are refused; what was found there stays. A repeat is none."""
    if Station.objects.filter(pk=station.pk, retired_at=None).update(retired_at=now):
        audit.record("station:retired", subject=_subject(station), person=by, lab=station.lab)


def find_station(name: str) -> Station:
    """A station by its name, or by LAB/NAME where two labs have one of that name."""
    lab_name, slash, own_name = name.rpartition("/")
    stations = Station.objects.select_related("lab", "embodiment")
    found = list(stations.filter(name=name)[:2])
    if slash and not found:
        found = list(stations.filter(lab=find_lab(lab_name), name=own_name))
    if not found:
        raise NotFound("station_unknown", f"There is no station named {name}.", hint="Make it with create_station.")
    if len(found) > 1:
        raise Conflict("station_ambiguous", f"Several labs have a station named {name}.", hint="Say LAB/STATION.")
    return found[0]


def in_use() -> QuerySet[Station]:
    """All stations at which sessions may be opened."""
    return Station.objects.filter(retired_at=None).select_related("lab", "embodiment")


def has_sessions(station: Station) -> bool:
    return station.sessions.exists()


def open_to_policies_of(owners: Collection[Lab]) -> dict[int, list[Station]]:
    """For each of these labs the other labs' stations at which its policies may be run: the same robots, and no
    affiliation between the two. Three queries, however many labs."""
    robots = PolicyVersion.objects.filter(policy__lab__in=owners, pool=PolicyVersion.Pool.ACTIVE)
    driven = set(robots.values_list("policy__lab", "embodiment").distinct())
    barred = set(affiliations.barred_pairs([owner.pk for owner in owners]))
    found = in_use().filter(embodiment__in={robot for _, robot in driven}, lab__source=Source.REGISTERED)
    candidates = list(found.order_by("embodiment__name", "lab__name", "name"))
    return {
        owner.pk: [
            station
            for station in candidates
            if (owner.pk, station.embodiment_id) in driven
            and station.simulated == owner.simulated
            and station.lab_id != owner.pk
            and (owner.pk, station.lab_id) not in barred
        ]
        for owner in owners
    }


def _require_in_use(station: Station) -> None:
    if station.retired_at is not None:
        raise Conflict("station_retired", f"{station.name} is retired: it stays as it was.")


def _clean_cameras(cameras: Iterable[str]) -> list[str]:
    given = set(cameras)
    unknown = given - set(Camera.values)
    if unknown:
        listed = ", ".join(Camera.values)
        raise ArenaError("bad_cameras", f"No such camera: {', '.join(sorted(unknown))}.", hint=f"Known are {listed}.")
    if not EXTERNAL_CAMERAS & given:
        raise ArenaError("bad_cameras", "A station needs at least one camera beside the robot: left or right.")
    return [camera for camera in Camera.values if camera in given]


def _apply(station: Station, limits: StationLimits) -> None:
    unknown = set(limits.action_spaces) - set(ActionSpace.values)
    if unknown:
        listed = ", ".join(ActionSpace.values)
        raise ArenaError("bad_action_space", f"No such action space: {min(unknown)}.", hint=f"Known are {listed}.")
    # The comparison is false for what is not a number, too.
    if limits.max_speed is not None and not 0 < limits.max_speed <= GREATEST_SPEED:
        raise ArenaError("bad_speed", f"A greatest speed lies above 0 and is at most {GREATEST_SPEED:g} m/s.")
    station.action_spaces = [space for space in ActionSpace.values if space in limits.action_spaces]
    station.place = clean_text(limits.place, field="place", longest=120)
    station.max_speed = limits.max_speed
    station.workspace = clean_text(limits.workspace, field="workspace", longest=200)
    station.safety_notes = clean_text(limits.safety_notes, field="safety_notes", longest=2000)


def _save(station: Station) -> None:
    try:
        with transaction.atomic():
            station.save()
    except IntegrityError:
        raise Conflict("station_exists", f"{station.lab} has a station named {station.name} already.") from None


def _subject(station: Station) -> str:
    return f"{station.lab.slug}/{station.name}"
