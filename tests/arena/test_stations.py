from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from arena import affiliations, keys, stations
from arena.errors import ArenaError, Conflict, NotFound, NotSignedIn
from arena.models import AuditEvent, Lab, Role, Station
from arena.stations import StationLimits
from tests.arena.conftest import Cast, as_person
from tests.factories import Arena, make_lab, make_person, make_station, make_version, open_session

NOW = timezone.now()
PATH = "/lab/owners/stations"


def form(**changes: Any) -> dict[str, Any]:
    return {"name": "bench", "embodiment": "DROID", "cameras": ["left", "wrist"], **changes}


def describe(station: Station, **changes: Any) -> Station:
    fields = {"name": station.name, "cameras": station.cameras, "embodiment": station.embodiment.name}
    return stations.update_station(station=station, **{**fields, "limits": StationLimits(), **changes})


def test_a_station_is_described_with_its_limits(cast: Cast) -> None:
    client = as_person(cast.alice)
    answer = client.post(
        f"{PATH}/new",
        form(
            action_spaces=["joint_velocity", "joint_position"],
            place="Room 1",
            max_speed="0.5",
            workspace="the table",
            safety_notes="No throwing.",
        ),
    )
    assert answer.status_code == 302
    station = Station.objects.get(lab=cast.owners)
    assert (station.name, station.cameras, station.max_speed) == ("bench", ["left", "wrist"], 0.5)
    assert station.action_spaces == ["joint_position", "joint_velocity"]
    assert AuditEvent.objects.get(tag="station:created").person == cast.alice
    for path, visitor in ((PATH, as_person(cast.bob)), ("/stations", Client())):
        page = visitor.get(path).content.decode()
        assert "0.5 m/s" in page
        assert "No throwing." in page
        assert ("Room 1" in page) == (path == PATH)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"cameras": ["wrist"]}, "cameras"),
        ({"cameras": []}, "cameras"),
        ({"cameras": ["ceiling"]}, "cameras"),
        ({"action_spaces": ["thought"]}, "action_spaces"),
        ({"max_speed": "0"}, "max_speed"),
        ({"max_speed": "-1"}, "max_speed"),
        ({"max_speed": "nan"}, "max_speed"),
        ({"max_speed": "inf"}, "max_speed"),
        ({"max_speed": "fast"}, "max_speed"),
        ({"embodiment": "other"}, "other_embodiment"),
        ({"embodiment": "DROID", "other_embodiment": "UR5"}, "other_embodiment"),
        ({"embodiment": "UR5"}, "embodiment"),
        ({"workspace": "x" * 201}, "workspace"),
        ({"name": "taken"}, "name"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(cast: Cast, changes: dict[str, Any], field: str) -> None:
    stations.create_station(lab=cast.owners, name="taken", cameras=["left"])
    answer = as_person(cast.alice).post(f"{PATH}/new", form(place="Room of mine", **changes))
    page = answer.content.decode()
    assert answer.status_code == 400
    assert f'id="id_{field}_error"' in page
    assert "Room of mine" in page
    assert Station.objects.count() == 1


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (StationLimits(max_speed=float("nan")), "bad_speed"),
        (StationLimits(max_speed=0.0), "bad_speed"),
        (StationLimits(max_speed=20.1), "bad_speed"),
        (StationLimits(action_spaces=["thought"]), "bad_action_space"),
        (StationLimits(workspace="x" * 201), "bad_field"),
        (StationLimits(safety_notes="a\x00"), "bad_field"),
    ],
)
def test_limits_that_cannot_be(cast: Cast, limits: StationLimits, code: str) -> None:
    with pytest.raises(ArenaError) as caught:
        stations.create_station(lab=cast.owners, name="bench", cameras=["left"], limits=limits)
    assert caught.value.code == code


def test_a_robot_that_nobody_has_named_yet_is_named(cast: Cast) -> None:
    as_person(cast.alice).post(f"{PATH}/new", form(embodiment="other", other_embodiment="UR5"))
    assert Station.objects.get().embodiment.name == "UR5"


def test_cameras_and_limits_change_and_the_robot_only_before_the_first_session(arena: Arena) -> None:
    station = describe(arena.station, embodiment="UR5")
    assert station.embodiment.name == "UR5"
    station = describe(station, embodiment="DROID")
    open_session(arena)
    with pytest.raises(Conflict) as caught:
        describe(station, embodiment="UR5")
    assert caught.value.code == "station_has_sessions"
    station = describe(station, cameras=["left"], embodiment="droid", limits=StationLimits(max_speed=0.2))
    station.refresh_from_db()
    assert (station.cameras, station.max_speed, station.embodiment.name) == (["left"], 0.2, "DROID")


def test_the_page_says_why_the_robot_stays(arena: Arena) -> None:
    admin = make_person("ann@example.org", lab=arena.lab, role=Role.ADMIN)
    open_session(arena)
    path = f"/lab/{arena.lab.slug}/stations/{arena.station.pk}"
    client = as_person(admin)
    assert "its robot stays the same" in client.get(path).content.decode()
    answer = client.post(path, form(embodiment="other", other_embodiment="UR5"))
    assert answer.status_code == 400
    assert 'id="id_embodiment_error"' in answer.content.decode()
    assert client.post(path, form(name="renamed")).status_code == 302
    arena.station.refresh_from_db()
    assert arena.station.name == "renamed"


def test_a_retired_station_refuses_its_codes_and_is_listed_apart(arena: Arena) -> None:
    admin = make_person("ann@example.org", lab=arena.lab, role=Role.ADMIN)
    path = f"/lab/{arena.lab.slug}/stations"
    client = as_person(admin)
    assert "cannot be undone" in client.get(f"{path}/{arena.station.pk}/retire").content.decode()
    for _ in range(2):
        assert client.post(f"{path}/{arena.station.pk}/retire").status_code == 302
    assert AuditEvent.objects.filter(tag="station:retired").count() == 1
    with pytest.raises(NotSignedIn):
        keys.authenticate_client(code=arena.code, address="192.0.2.1", now=NOW)
    assert "Retired" in client.get(path).content.decode()
    assert arena.station.name not in Client().get("/stations").content.decode()
    with pytest.raises(Conflict) as caught:
        describe(Station.objects.get(pk=arena.station.pk))
    assert caught.value.code == "station_retired"


def test_only_an_admin_of_the_lab_describes_and_retires(cast: Cast) -> None:
    station = make_station(lab=cast.owners)
    paths = (f"{PATH}/new", f"{PATH}/{station.pk}", f"{PATH}/{station.pk}/retire")
    for path in paths:
        for person, status in ((cast.bob, 403), (cast.charlie, 404), (cast.dana, 404), (cast.eve, 404)):
            assert as_person(person).get(path).status_code == status
            assert as_person(person).post(path, form()).status_code == status
        assert Client().get(path).status_code == 302
        assert as_person(cast.alice).get(path).status_code == 200
    assert as_person(cast.charlie).post(f"/lab/others/stations/{station.pk}/retire").status_code == 404
    station.refresh_from_db()
    assert station.retired_at is None
    assert as_person(cast.bob).get(PATH).status_code == 200
    assert "Describe a station" not in as_person(cast.bob).get(PATH).content.decode()


def hosts_of(lab: Lab) -> list[Station]:
    return stations.open_to_policies_of([lab])[lab.pk]


def test_owners_are_told_where_their_policies_may_run(cast: Cast, django_assert_num_queries: Any) -> None:
    here = make_station(lab=cast.evaluators)
    make_station(lab=cast.owners)  # one's own
    make_station(lab=cast.evaluators, embodiment="UR5")  # another robot
    make_station(lab=make_lab(simulated=True))
    retired = make_station(lab=cast.evaluators)
    stations.retire_station(station=retired, now=NOW)
    close = make_station(lab=cast.others)
    assert hosts_of(cast.owners) == [here, close]
    affiliations.declare(lab=cast.others, other=cast.owners, by=cast.charlie)
    assert hosts_of(cast.owners) == [here]
    assert hosts_of(cast.evaluators) == []
    make_version(lab=cast.others)
    with django_assert_num_queries(3):
        found = stations.open_to_policies_of([cast.owners, cast.others, cast.evaluators])
    assert here in found[cast.others.pk]
    assert "Where your policies may run" in as_person(cast.bob).get("/lab").content.decode()


def test_the_public_page_costs_one_query_however_many_stations(cast: Cast, django_assert_num_queries: Any) -> None:
    for embodiment in ("DROID", "UR5", "SO-101"):
        make_station(lab=cast.owners, embodiment=embodiment)
        make_station(lab=cast.others, embodiment=embodiment)
    client = Client()
    with django_assert_num_queries(1):
        page = client.get("/stations").content.decode()
    assert page.count("2 stations") == 3


def test_a_station_is_found_by_its_name_and_lab(cast: Cast) -> None:
    for lab in (cast.owners, cast.others):
        stations.create_station(lab=lab, name="bench", cameras=["left"])
    assert stations.find_station("Owners/bench").lab == cast.owners
    with pytest.raises(Conflict):
        stations.find_station("bench")
    with pytest.raises(NotFound):
        stations.find_station("sofa")
