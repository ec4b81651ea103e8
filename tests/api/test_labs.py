"""Labs through the API: members, invitations, affiliations, stations, access codes, applications."""

from typing import Any

import pytest

from arena import notices
from arena.applications import TERMS_VERSION
from arena.models import Affiliation, ClientKey, Invitation, Lab, Membership, NoticeKind, Person, Role
from tests.api.conftest import ALL_SCOPES, Api, code, in_browser, with_key
from tests.factories import Arena, finish_session, make_lab, make_person, open_session


@pytest.fixture
def admin(arena: Arena, alice: Person) -> Api:
    return with_key(alice, arena.owners, ALL_SCOPES)


def test_what_everybody_may_know_of_a_lab(arena: Arena, anyone: Api, admin: Api, dana: Api) -> None:
    told = anyone.get(f"labs/{arena.lab.slug}").json()
    assert (told["name"], told["stations"], told["you"]) == (arena.lab.name, 1, None)
    assert dana.get(f"labs/{arena.lab.slug}").json()["you"] == {"role": "evaluator", "members": 1}
    assert admin.get(f"labs/{arena.lab.slug}").json()["you"] is None
    assert code(anyone.get("labs/nothing")) == (404, "lab_unknown")


def test_members(arena: Arena, admin: Api, alice: Person, bob: Person, charlie: Person) -> None:
    at = f"labs/{arena.owners.slug}/members"
    rows = admin.get(at).json()["results"]
    assert {row["email"]: row["role"] for row in rows} == {"alice@example.org": "admin", "bob@example.org": "owner"}
    assert in_browser(bob).get(at).json()["count"] == 2
    assert code(in_browser(charlie).get(at)) == (404, "lab_unknown")
    bobs = next(row["id"] for row in rows if row["email"] == bob.email)
    assert admin.patch(f"{at}/{bobs}", {"role": "evaluator"}).json()["role"] == "evaluator"
    assert code(in_browser(bob).patch(f"{at}/{bobs}", {"role": "admin"})) == (403, "not_an_admin")
    assert code(in_browser(charlie).delete(f"{at}/{bobs}")) == (404, "lab_unknown")
    alices = next(row["id"] for row in rows if row["email"] == alice.email)
    assert code(admin.delete(f"{at}/{alices}")) == (409, "last_admin")
    assert in_browser(bob).delete(f"{at}/{bobs}").status_code == 204  # leaving is everybody's own
    assert code(admin.delete(f"{at}/{bobs}")) == (404, "member_unknown")


def test_invitations(arena: Arena, admin: Api, bob: Person) -> None:
    at = f"labs/{arena.owners.slug}/invitations"
    made = admin.post(at, {"email": "New@example.org", "role": "evaluator"})
    assert (made.status_code, made.json()["email"]) == (201, "new@example.org")
    assert "token" not in str(made.json())
    assert code(admin.post(at, {"email": "new@example.org", "role": "owner"})) == (409, "already_invited")
    assert code(admin.post(at, {"email": "no address", "role": "owner"})) == (400, "bad_email")
    assert admin.get(at).json()["count"] == 1
    one = f"{at}/{made.json()['id']}"
    assert code(admin.post(f"{one}/resend")) == (429, "too_many_invitations")
    assert code(in_browser(bob).get(at)) == (403, "not_an_admin")
    assert code(in_browser(bob).delete(one)) == (403, "not_an_admin")
    assert admin.delete(one).status_code == 204
    assert Invitation.objects.get().revoked_at is not None


def test_affiliations(arena: Arena, admin: Api, bob: Person, eve: Person) -> None:
    at = f"labs/{arena.owners.slug}/affiliations"
    made = admin.post(at, {"lab": arena.lab.slug, "comment": "A joint project."})
    assert (made.status_code, made.json()["lab"]) == (201, arena.lab.slug)
    assert admin.post(at, {"lab": arena.lab.slug}).json()["id"] == made.json()["id"]
    assert in_browser(bob).get(at).json()["results"] == [made.json()]
    assert code(in_browser(bob).post(at, {"lab": arena.lab.slug})) == (403, "not_an_admin")
    assert code(admin.post(at, {"lab": "nothing"})) == (404, "lab_unknown")
    assert code(admin.post(at, {"lab": arena.owners.slug})) == (400, "affiliation_with_itself")
    assert in_browser(eve).post(at, {"lab": make_lab().slug}).status_code == 201
    assert Affiliation.objects.count() == 2


STATION: dict[str, Any] = {"name": "bench 2", "cameras": ["wrist", "left"], "max_speed": 0.5, "place": "Room 1"}


def test_stations(arena: Arena, admin: Api, bob: Person, charlie: Person) -> None:
    at = f"labs/{arena.owners.slug}/stations"
    made = admin.post(at, STATION)
    assert made.status_code == 201
    station = made.json()
    assert (station["embodiment"], station["cameras"], station["lab"]) == (
        "DROID",
        ["left", "wrist"],
        arena.owners.slug,
    )
    assert code(admin.post(at, STATION)) == (409, "station_exists")
    assert code(admin.post(at, STATION | {"cameras": ["ceiling"]})) == (400, "invalid_input")
    assert code(admin.post(at, STATION | {"name": "b", "cameras": ["wrist"]})) == (400, "bad_cameras")
    assert code(admin.post(at, STATION | {"name": "b", "max_speed": 10**400})) == (400, "invalid_input")
    one = f"stations/{station['id']}"
    changed = admin.patch(one, {"place": "Room 2"}).json()
    assert changed == station | {"place": "Room 2"}
    assert in_browser(bob).get(one).json() == changed
    assert code(in_browser(bob).patch(one, {"place": "x"})) == (403, "not_an_admin")
    assert code(in_browser(charlie).get(one)) == (404, "station_unknown")
    assert code(in_browser(charlie).post(f"{one}/retire")) == (404, "station_unknown")
    retired = [admin.post(f"{one}/retire").json()["retired_at"] for _ in range(2)]
    assert retired[0] == retired[1] is not None
    assert code(admin.patch(one, {"place": "x"})) == (409, "station_retired")
    assert [row["id"] for row in admin.get(at).json()["results"]] == [station["id"]]


def test_who_may_is_asked_before_what_is_said(arena: Arena, bob: Person, charlie: Person, dana: Api) -> None:
    lab, station = f"labs/{arena.lab.slug}", f"stations/{arena.station.pk}"
    member, session = Membership.objects.get(lab=arena.lab, person=arena.dana), f"sessions/{open_session(arena).pk}"
    posts = ["invitations", "affiliations", "stations", "client-keys"]
    wrong = {"nonsense": 1}
    for stranger in (
        in_browser(bob),
        in_browser(charlie),
        with_key(charlie, charlie.memberships.get().lab, ALL_SCOPES),
    ):
        for path in posts:
            assert code(stranger.post(f"{lab}/{path}", wrong)) == (404, "lab_unknown")
        assert stranger.patch(f"{lab}/members/{member.pk}", wrong).status_code == 404
        assert code(stranger.patch(station, wrong)) == (404, "station_unknown")
        assert code(stranger.post(f"{station}/retire", wrong)) == (404, "station_unknown")
        assert code(stranger.patch(f"{session}/draft", wrong)) == (404, "session_unknown")
        for path in ("extend", "episodes/A", "submit", "guess", "abandon"):
            assert code(stranger.post(f"{session}/{path}", wrong)) == (404, "session_unknown")
        assert code(stranger.upload(f"{session}/photos", wrong)) == (404, "session_unknown")
    browser = in_browser(arena.dana)
    for path in ("invitations", "affiliations", "stations"):
        assert code(browser.post(f"{lab}/{path}", wrong)) == (403, "not_an_admin")


def test_access_codes(arena: Arena, dana: Api, eve: Person) -> None:
    boss = make_person("boss@example.org", lab=arena.lab, role=Role.ADMIN)
    boss_api = with_key(boss, arena.lab, ALL_SCOPES)
    at = f"labs/{arena.lab.slug}/client-keys"
    body = {"station": arena.station.pk, "email": arena.dana.email}
    made = boss_api.post(at, body, once="one").json()
    assert ClientKey.objects.get(pk=made["id"]).prefix == made["code"][:6]
    assert boss_api.post(at, body, once="one").json() == made | {"code": None}
    assert boss_api.get(at).json()["count"] == 2
    browser = in_browser(arena.dana)
    own = browser.post(at, {"station": arena.station.pk}).json()
    assert own["email"] == arena.dana.email
    assert code(browser.post(at, body | {"email": boss.email})) == (404, "person_unknown")
    assert code(dana.post(at, body)) == (403, "scope_missing")
    assert code(boss_api.post(at, body | {"station": 10**9})) == (404, "station_unknown")
    assert code(in_browser(eve).delete(f"client-keys/{made['id']}")) == (404, "lab_unknown")
    assert [browser.delete(f"client-keys/{made['id']}").status_code for _ in range(2)] == [204, 204]
    bosses = boss_api.post(at, {"station": arena.station.pk}).json()["id"]
    assert code(browser.delete(f"client-keys/{bosses}")) == (404, "key_unknown")


def application(**changes: Any) -> dict[str, Any]:
    said = {"lab_name": "Newcomers", "about": "Us.", "robots": "One DROID.", "terms": TERMS_VERSION}
    return said | changes


def test_applications(arena: Arena, alice: Person, charlie: Person, eve: Person) -> None:
    applicant, steward = in_browser(charlie), in_browser(eve)
    made = applicant.post("applications", application(affiliated_labs=[arena.owners.slug]))
    assert (made.status_code, made.json()["state"], made.json()["affiliated_labs"]) == (
        201, "pending", [arena.owners.slug],
    )  # fmt: skip
    one = f"applications/{made.json()['id']}"
    assert code(applicant.post("applications", application())) == (409, "application_pending")
    assert code(in_browser(alice).post("applications", application(terms="old"))) == (409, "terms_changed")
    assert code(in_browser(alice).post("applications", application(affiliated_labs=["nope"]))) == (404, "lab_unknown")
    assert code(in_browser(alice).get(one)) == (404, "application_unknown")
    assert in_browser(alice).get("applications").json()["count"] == 0
    assert steward.get("applications").json()["results"] == [applicant.get(one).json()]
    for who in (applicant, in_browser(alice)):
        assert code(who.post(f"{one}/approve", {})) == (403, "access_denied")
        assert code(who.post(f"{one}/decline", {"comment": "no"})) == (403, "access_denied")
    decided = steward.post(f"{one}/approve", {"comment": "Welcome."}).json()
    assert (decided["state"], decided["lab"], decided["comment"]) == ("approved", "newcomers", "Welcome.")
    assert Membership.objects.get(lab=Lab.objects.get(slug="newcomers")).person == charlie
    assert code(steward.post(f"{one}/decline", {"comment": "no"})) == (409, "application_decided")
    again = in_browser(alice).post("applications", application(lab_name="Others")).json()["id"]
    assert code(steward.post(f"applications/{again}/decline", {})) == (400, "bad_field")
    assert steward.post(f"applications/{again}/decline", {"comment": "Not yet."}).json()["state"] == "declined"


def test_no_key_applies_or_decides(arena: Arena, eve: Person) -> None:
    arena.lab.memberships.create(person=eve, role=Role.ADMIN)
    key = with_key(eve, arena.lab, ALL_SCOPES)
    assert code(key.get("applications")) == (403, "browser_only")
    assert code(key.post("applications", application())) == (403, "browser_only")


def test_notices(arena: Arena, dana: Api) -> None:
    browser = in_browser(arena.dana)
    kind = notices.CAN_BE_SWITCHED_OFF[0].value
    assert browser.get("me/notices").json() == {"muted": []}
    assert browser.patch("me/notices", {"muted": [kind]}).json() == {"muted": [kind]}
    assert browser.get("me/notices").json() == {"muted": [kind]}
    assert code(browser.patch("me/notices", {"muted": [NoticeKind.INVITATION.value]})) == (400, "invalid_input")
    assert code(dana.patch("me/notices", {"muted": []})) == (403, "browser_only")


def test_lists_cost_the_same_however_long(arena: Arena, admin: Api, django_assert_max_num_queries: Any) -> None:
    def fill() -> None:
        for _ in range(3):
            name = f"p{Person.objects.count()}"
            make_person(f"{name}@example.org", lab=arena.owners, role=Role.OWNER)
            admin.post(f"labs/{arena.owners.slug}/stations", STATION | {"name": name})
            admin.post(f"labs/{arena.owners.slug}/invitations", {"email": f"i{name}@example.org", "role": "owner"})
            admin.post(f"labs/{arena.owners.slug}/affiliations", {"lab": make_lab().slug})

    lists = ("members", "stations", "invitations", "affiliations", "client-keys")
    fill()
    admin.get("me")
    costs = {}
    for name in lists:
        with django_assert_max_num_queries(12) as asked:
            admin.get(f"labs/{arena.owners.slug}/{name}")
        costs[name] = len(asked)
    fill()
    for name in lists:
        with django_assert_max_num_queries(costs[name]):
            admin.get(f"labs/{arena.owners.slug}/{name}")


def test_nothing_of_an_evaluators_session_is_told_to_the_lab(arena: Arena, admin: Api) -> None:
    finish_session(open_session(arena))
    assert admin.get("sessions").json()["count"] == 0
