"""Every operation is asked what its description allows and what it forbids; whatever is answered must be described.

The uploads are left out: tus 1.0 lives in headers that depend on each other (tests/evaluations/test_tus.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from arena import api_keys, applications, invitations
from arena.applications import TERMS_VERSION, ApplicationText
from arena.models import Membership, Person, Role
from evaluations.models import Label
from tests.api.conftest import ALL_SCOPES, in_browser, with_key
from tests.factories import Arena, finish_session, make_arena, make_person, make_steward, open_session, upload_episode

# The document as it is served, and the application as it is served.
schema = schemathesis.openapi.from_wsgi("/api/openapi.json", get_wsgi_application()).exclude(path_regex="/uploads")
CSRF_TOKEN = "x" * 32
# What the schema calls valid and a rule refuses nonetheless is refused with a code of its own, never with these.
OF_THE_SHAPE = {"invalid_input", "bad_request"}


@dataclass
class Asker:
    """Dana evaluates and has sessions; Alice is her lab's admin; Eve is a steward, in a browser. Each with data."""

    arena: Arena
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    ids: dict[str, Any] = field(default_factory=dict)

    def headers_for(self, case: Any) -> dict[str, str]:
        security = case.operation.definition.raw.get("security", [])
        scopes = case.operation.definition.raw.get("x-scopes", [])
        if {"browser": []} in security and {"apiKey": []} not in security:
            return self.headers["eve"]
        return self.headers["alice" if "manage" in scopes and "evaluate" not in scopes else "dana"]

    def use_real_ids(self, case: Any) -> None:
        if case.path_parameters and not case.meta.is_negative_at(ParameterLocation.PATH):
            known = {name: value for name, value in self.ids.items() if name in case.path_parameters}
            case.path_parameters.update(known)


@pytest.fixture
def asker(db: None) -> Asker:
    arena = make_arena()
    finish_session(open_session(arena, "finished"), video=b"x")
    session = open_session(arena)
    upload_episode(session, Label.A, video=b"x")
    alice = make_person("alice@example.org", lab=arena.lab, role=Role.ADMIN)
    eve = make_steward()
    now = timezone.now()
    invited = invitations.invite(lab=arena.lab, email="new@example.org", role=Role.OWNER, by=alice, now=now)
    text = ApplicationText(lab_name="A new lab", about="Us", robots="One")
    applied = applications.apply(person=eve, text=text, terms=TERMS_VERSION, now=now)
    asker = Asker(arena)
    asker.ids = {
        "slug": arena.lab.slug,
        "station_id": arena.station.pk,
        "session_id": str(session.pk),
        "media_id": session.sides.get(label="A").media.get().pk,
        "membership_id": Membership.objects.get(person=arena.dana).pk,
        "invitation_id": invited.pk,
        "application_id": str(applied.pk),
        "key_id": arena.key.pk,
    }
    asker.headers = {"dana": _key(arena.dana, arena), "alice": _key(alice, arena), "eve": _cookie(eve)}
    return asker


def _key(person: Person, arena: Arena) -> dict[str, str]:
    scopes = ALL_SCOPES if person != arena.dana else ("read", "evaluate")
    return {"Authorization": f"Bearer {with_key(person, arena.lab, scopes).secret}"}


def _cookie(person: Person) -> dict[str, str]:
    session = in_browser(person).http.cookies["sessionid"].value
    return {"Cookie": f"sessionid={session}; csrftoken={CSRF_TOKEN}", "X-CSRFToken": CSRF_TOKEN}


@pytest.fixture(autouse=True)
def _wrong_keys_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys.WRONG_KEYS, "_most", 10**6)


@pytest.fixture(autouse=True)
def _connection_stays_open() -> Iterator[None]:
    """The application ends each request as a server's: that would close the connection which the test rolls back."""
    ends = (request_started, request_finished)
    for end in ends:
        end.disconnect(close_old_connections)
    yield
    for end in ends:
        end.connect(close_old_connections)


@pytest.mark.slow
@pytest.mark.django_db
@schema.parametrize()
@hypothesis_settings(
    max_examples=2, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@override_settings(API_READS_PER_MINUTE=10**6, API_WRITES_PER_MINUTE=10**6, API_ANONYMOUS_PER_MINUTE=10**6)
def test_the_api_is_as_described(case: Any, asker: Asker) -> None:
    asker.use_real_ids(case)
    headers = asker.headers_for(case)
    with transaction.atomic():
        response = case.call(headers=headers)
        case.validate_response(
            response,
            headers=headers,
            excluded_checks=[positive_data_acceptance] if _refused_by_a_rule(case, response) else None,
            transport_kwargs={"headers": headers},
        )
        transaction.set_rollback(True)


def _refused_by_a_rule(case: Any, response: Any) -> bool:
    if case.media_type == "multipart/form-data":  # the file is made as a text field, which is no file
        return True
    return response.status_code in (400, 413) and response.json()["error"]["code"] not in OF_THE_SHAPE
