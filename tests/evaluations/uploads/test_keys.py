"""Uploads by an API key: its person's, and in its lab alone."""

import pytest
from django.test import Client
from django.utils import timezone

from arena import api_keys, labs
from arena.models import Lab, Role, Scope
from evaluations.models import MediaFile, Session
from tests.evaluations.uploads.client import TusClient, code
from tests.factories import Arena, make_lab


def keyed(arena: Arena, *, lab: Lab, scopes: tuple[Scope, ...] = (Scope.EVALUATE,)) -> TusClient:
    _, secret = api_keys.create_api_key(
        person=arena.dana, lab=lab, name="station", scopes=list(scopes), now=timezone.now()
    )
    return TusClient(Client(headers={"Authorization": f"Bearer {secret}"}))


@pytest.fixture
def elsewhere(arena: Arena) -> TusClient:
    """A key of Dana's for another lab of hers."""
    lab = make_lab()
    labs.add_member(lab=lab, email=arena.dana.email, role=Role.EVALUATOR)
    return keyed(arena, lab=lab)


def test_a_key_sends_files(arena: Arena, session: Session) -> None:
    keyed(arena, lab=arena.lab).send(session, b"a video")
    assert MediaFile.objects.count() == 1


def test_not_without_the_scope(arena: Arena, session: Session) -> None:
    reader = keyed(arena, lab=arena.lab, scopes=(Scope.READ,))
    assert code(reader.create(session, size=10)) == (403, "scope_missing")


def test_nor_in_another_lab(arena: Arena, session: Session, elsewhere: TusClient, dana: TusClient) -> None:
    assert code(elsewhere.create(session, size=10)) == (404, "session_unknown")
    url = dana.begin(session, size=10)
    assert code(elsewhere.patch(url, 0, b"1234")) == (404, "upload_unknown")
    assert elsewhere.head(url).status_code == 404
    assert code(elsewhere.delete(url)) == (404, "upload_unknown")
    assert elsewhere.http.get("/api/v1/uploads").json()["results"] == []
    assert len(dana.http.get("/api/v1/uploads").json()["results"]) == 1
