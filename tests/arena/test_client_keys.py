import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from arena import keys, stations
from arena.errors import AccessDenied, Conflict, NotSignedIn
from arena.models import AuditEvent, ClientKey, Station
from tests.arena.conftest import Cast, as_person
from tests.factories import make_station

NOW = timezone.now()
PATH = "/lab/owners/keys"


@pytest.fixture
def station(cast: Cast) -> Station:
    return make_station(lab=cast.owners)


def shown_code(answer: Any) -> str:
    found = re.search(r'class="secret">([\w-]+)<', answer.content.decode())
    assert found
    return found[1]


def test_a_member_makes_a_code_for_themselves(cast: Cast, station: Station) -> None:
    client = as_person(cast.bob)
    answer = client.post(PATH, {"person": cast.bob.pk, "station": station.pk, "form_id": "1"})
    code = shown_code(answer)
    key = keys.authenticate_client(code=code, email=cast.bob.email, address="192.0.2.1", now=NOW)
    assert (key.person, key.station) == (cast.bob, station)
    page = answer.content.decode()
    assert "evaluator_email: bob@example.org" in page
    assert f"logging_server_ip: {settings.PUBLIC_URL.removeprefix('http://')}" in page
    assert "no-store" in answer["Cache-Control"]
    assert code not in client.get(PATH).content.decode()
    assert AuditEvent.objects.get(tag="key:created").person == cast.bob


def test_an_admin_makes_one_for_any_member_and_a_member_for_nobody_else(cast: Cast, station: Station) -> None:
    answer = as_person(cast.alice).post(PATH, {"person": cast.bob.pk, "station": station.pk})
    assert ClientKey.objects.get().person == cast.bob
    assert shown_code(answer)
    for person, wanted in ((cast.bob, cast.alice), (cast.alice, cast.dana)):
        answer = as_person(person).post(PATH, {"person": wanted.pk, "station": station.pk, "form_id": "x"})
        assert answer.status_code == 400
    assert ClientKey.objects.count() == 1


def test_a_code_is_for_a_station_of_the_lab_that_is_in_use(cast: Cast, station: Station) -> None:
    elsewhere = make_station(lab=cast.others)
    stations.retire_station(station=station, now=NOW)
    for wanted in (elsewhere, station):
        answer = as_person(cast.alice).post(PATH, {"person": cast.alice.pk, "station": wanted.pk})
        assert answer.status_code == 400
    station.refresh_from_db()
    with pytest.raises(Conflict):
        keys.create_client_key(person=cast.alice, station=station)
    with pytest.raises(AccessDenied):
        keys.create_client_key(person=cast.alice, station=elsewhere)


def test_a_form_that_is_sent_twice_makes_one_code(cast: Cast, station: Station) -> None:
    for _ in range(2):
        as_person(cast.bob).post(PATH, {"person": cast.bob.pk, "station": station.pk, "form_id": "same"})
    assert ClientKey.objects.count() == 1


def test_an_admin_sees_all_codes_and_a_member_their_own(cast: Cast, station: Station) -> None:
    of_bob, code = keys.create_client_key(person=cast.bob, station=station)
    of_alice, _ = keys.create_client_key(person=cast.alice, station=station)
    seen = as_person(cast.alice).get(PATH).content.decode()
    assert of_bob.prefix in seen
    assert of_alice.prefix in seen
    assert of_alice.prefix not in as_person(cast.bob).get(PATH).content.decode()
    assert as_person(cast.bob).post(f"{PATH}/{of_alice.pk}/revoke").status_code == 404
    for stranger in (cast.charlie, cast.dana, cast.eve):
        assert as_person(stranger).get(PATH).status_code == 404
        assert as_person(stranger).post(f"{PATH}/{of_bob.pk}/revoke").status_code == 404
    assert as_person(cast.charlie).post(f"/lab/others/keys/{of_bob.pk}/revoke").status_code == 404
    assert Client().get(PATH).status_code == 302
    for _ in range(2):
        assert as_person(cast.alice).post(f"{PATH}/{of_bob.pk}/revoke").status_code == 302
    assert AuditEvent.objects.filter(tag="key:revoked").count() == 1
    with pytest.raises(NotSignedIn):
        keys.authenticate_client(code=code, address="192.0.2.1", now=NOW)


def test_a_lab_without_stations_is_told_what_comes_first(cast: Cast) -> None:
    assert "/lab/owners/stations/new" in as_person(cast.alice).get(PATH).content.decode()


def test_a_code_that_no_encoding_knows_is_a_wrong_one(cast: Cast) -> None:
    with pytest.raises(NotSignedIn):
        keys.authenticate_client(code="\udcff", address="192.0.2.1", now=NOW)
