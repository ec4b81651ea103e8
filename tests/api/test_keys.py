"""Who is asking: keys with their scopes, cookies with their token, and nobody."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from arena import api_keys, members
from arena.models import ApiKey, Membership, Person, Role
from evaluations.models import Label, Session
from tests.api.conftest import ALL_SCOPES, Api, code, in_browser, with_key
from tests.factories import Arena, make_arena, open_session, upload_episode


def test_who_you_are(arena: Arena, dana: Api) -> None:
    told = dana.get("me").json()
    assert (told["email"], told["steward"], told["trained_at"]) == (arena.dana.email, False, None)
    assert told["labs"] == [{"slug": arena.lab.slug, "name": arena.lab.name, "role": "evaluator", "simulated": False}]
    assert told["key"] == {"prefix": dana.secret[:12], "lab": arena.lab.slug, "scopes": ["read", "evaluate"]}
    assert in_browser(arena.dana).get("me").json()["key"] is None


def test_a_key_knows_its_lab_alone(arena: Arena, dana: Api) -> None:
    other = make_arena()
    other.lab.memberships.create(person=arena.dana, role=Role.ADMIN)
    assert [lab["slug"] for lab in dana.get("me").json()["labs"]] == [arena.lab.slug]
    assert len(in_browser(arena.dana).get("me").json()["labs"]) == 2
    for path in ("members", "stations", "affiliations", "client-keys"):
        assert code(with_key(arena.dana, arena.lab).get(f"labs/{other.lab.slug}/{path}")) == (404, "lab_unknown")
    assert code(dana.get(f"stations/{other.station.pk}")) == (404, "station_unknown")


@pytest.mark.parametrize("secret", ["", "arena_", "arena_" + "x" * 43, "nonsense", "arena_\xff"])
def test_what_is_no_key_opens_nothing(arena: Arena, secret: str) -> None:
    answer = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
    assert code(answer) == (401, "bad_api_key")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_wrong_key_is_not_made_good_by_a_cookie(arena: Arena) -> None:
    browser = in_browser(arena.dana)
    assert code(browser.get("me", Authorization="Bearer arena_wrong")) == (401, "bad_api_key")


def test_nobody_is_told_to_sign_in(anyone: Api) -> None:
    assert code(anyone.get("me")) == (401, "not_signed_in")
    assert code(anyone.post("sessions", {})) == (401, "not_signed_in")
    assert code(anyone.get("sessions", Authorization="Basic ZGFuYTp4")) == (401, "not_signed_in")


def revoked(key: ApiKey) -> None:
    api_keys.revoke_api_key(key=key, now=timezone.now())


def removed(key: ApiKey) -> None:
    membership = Membership.objects.get(person=key.person, lab=key.lab)
    members.remove_member(membership=membership, by=key.person, now=timezone.now())


def inactive(key: ApiKey) -> None:
    Person.objects.filter(pk=key.person_id).update(is_active=False)


@pytest.mark.parametrize("ended", [revoked, removed, inactive])
def test_a_key_that_ended_opens_nothing(dana: Api, ended: Any) -> None:
    assert dana.get("me").status_code == 200
    ended(ApiKey.objects.get())
    assert code(dana.get("me")) == (401, "bad_api_key")


def test_a_key_ends_at_its_hour(arena: Arena) -> None:
    ends = timezone.now() + timedelta(hours=1)
    dana = with_key(arena.dana, arena.lab, expires_at=ends)
    with time_machine.travel(ends - timedelta(seconds=1), tick=False):
        assert dana.get("me").status_code == 200
    with time_machine.travel(ends + timedelta(seconds=1), tick=False):
        assert code(dana.get("me")) == (401, "bad_api_key")


def test_scopes_bound_what_a_key_may_do(arena: Arena) -> None:
    session = open_session(arena)
    reader, runner = with_key(arena.dana, arena.lab, ["read"]), with_key(arena.dana, arena.lab, ["evaluate"])
    assert reader.get(f"sessions/{session.pk}").status_code == 200
    assert runner.get(f"sessions/{session.pk}").status_code == 200
    assert runner.get(f"labs/{arena.lab.slug}/stations").status_code == 200
    assert code(runner.get(f"labs/{arena.lab.slug}/members")) == (403, "scope_missing")
    writes: list[tuple[Api, str, str, Any]] = [
        (reader, "POST", "sessions", {"station": arena.station.pk, "instruction": "x"}),
        (reader, "PATCH", f"sessions/{session.pk}/draft", {"revision": 0, "changes": {}}),
        (reader, "POST", f"sessions/{session.pk}/submit", {}),
        (reader, "POST", f"labs/{arena.lab.slug}/stations", {}),
        (runner, "PATCH", f"stations/{arena.station.pk}", {"place": "x"}),
    ]
    for api, method, path, body in writes:
        assert code(api.call(method, path, body)) == (403, "scope_missing")
    assert Session.objects.count() == 1


def test_keys_do_not_reach_uploads_outside_their_scope_and_lab(arena: Arena) -> None:
    session = open_session(arena)
    other = make_arena()
    other.lab.memberships.create(person=arena.dana, role=Role.EVALUATOR)
    head = {"Tus-Resumable": "1.0.0", "Upload-Length": "4", "Upload-Metadata": _metadata(session)}
    for api, expected in (
        (with_key(arena.dana, arena.lab, ["read"]), 403),
        (with_key(arena.dana, other.lab, ["evaluate"]), 404),
        (with_key(arena.dana, arena.lab, ["evaluate"]), 201),
    ):
        assert api.call("POST", "uploads", None, **head).status_code == expected
    elsewhere = with_key(arena.dana, other.lab, ["read", "evaluate"])
    assert elsewhere.get("uploads").json()["count"] == 0
    assert with_key(arena.dana, arena.lab, ["read"]).get("uploads").json()["count"] == 1
    at = f"uploads/{session.sides.get(label='A').uploads.get().pk}"
    assert elsewhere.get(at).status_code == 404
    assert elsewhere.delete(at, **{"Tus-Resumable": "1.0.0"}).status_code == 404


def _metadata(session: Session) -> str:
    from base64 import b64encode

    said = {"session": str(session.pk), "side": "A", "kind": "left", "filename": "left.mp4"}
    return ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in said.items())


def test_a_cookie_writes_with_its_token_alone(arena: Arena) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(arena.dana)
    api = Api(client)
    body: dict[str, list[str]] = {"muted": []}
    assert code(api.patch("me/notices", body)) == (403, "csrf_failed")
    client.cookies["csrftoken"] = "a" * 32
    assert api.patch("me/notices", body, **{"X-CSRFToken": "a" * 32}).status_code == 200


def test_keys_are_made_in_the_browser_and_told_once(arena: Arena, dana: Api) -> None:
    browser = in_browser(arena.dana)
    body = {"name": "bench 1", "lab": arena.lab.slug, "scopes": ["read"]}
    answer = browser.post("me/keys", body, once="k1")
    made = answer.json()
    assert (answer.status_code, made["scopes"], made["secret"][:6]) == (201, ["read"], "arena_")
    assert Api(Client(), made["secret"]).get("me").status_code == 200
    again = browser.post("me/keys", body, once="k1")
    assert (again["Idempotent-Replay"], again.json()) == ("true", made | {"secret": None})
    assert [key["name"] for key in browser.get("me/keys").json()["results"]] == ["bench 1", "key 1"]
    assert code(browser.post("me/keys", body)) == (409, "key_exists")
    assert code(browser.post("me/keys", body | {"name": "m", "scopes": ["manage"]})) == (400, "bad_scope")
    assert code(dana.post("me/keys", body)) == (403, "browser_only")
    assert [browser.delete(f"me/keys/{made['id']}").status_code for _ in range(2)] == [204, 204]
    assert code(Api(Client(), made["secret"]).get("me")) == (401, "bad_api_key")


def test_anothers_key_is_not_there(arena: Arena, dana: Api, alice: Person) -> None:
    key = ApiKey.objects.get(person=arena.dana)
    assert code(in_browser(alice).delete(f"me/keys/{key.pk}")) == (404, "key_unknown")
    assert dana.get("me").status_code == 200


def test_whoever_left_the_lab_still_sees_their_sessions_but_their_key_does_not(arena: Arena, dana: Api) -> None:
    session = open_session(arena)
    upload_episode(session, Label.A)
    removed(ApiKey.objects.get())
    assert in_browser(arena.dana).get(f"sessions/{session.pk}").status_code == 200
    assert code(dana.get(f"sessions/{session.pk}")) == (401, "bad_api_key")


def test_an_admins_key_has_every_scope(alice: Person, arena: Arena) -> None:
    assert with_key(alice, arena.owners, ALL_SCOPES).get(f"labs/{arena.owners.slug}/members").status_code == 200
