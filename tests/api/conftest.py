from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from arena import api_keys
from arena.models import Lab, Person, Role, Scope
from tests.factories import Arena, make_person, make_steward

ALL_SCOPES = tuple(Scope.values)


@dataclass
class Api:
    """Calls of /api/v1/ as a program makes them, with a key, or as a page does, with a cookie."""

    http: Client
    secret: str = ""

    def call(self, method: str, path: str, body: Any = None, *, once: str | None = None, **headers: str) -> Any:
        given = dict(headers)
        if self.secret:
            given["Authorization"] = f"Bearer {self.secret}"
        if once is not None:
            given["Idempotency-Key"] = once
        more = {} if body is None else {"data": body, "content_type": "application/json"}
        return self.http.generic(method, _address(path), headers=given, **_encoded(more))

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.call("POST", path, {} if body is None else body, **more)

    def patch(self, path: str, body: Any, **more: Any) -> Any:
        return self.call("PATCH", path, body, **more)

    def delete(self, path: str, **more: Any) -> Any:
        return self.call("DELETE", path, **more)

    def upload(self, path: str, fields: dict[str, Any], *, once: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        if once is not None:
            headers["Idempotency-Key"] = once
        return self.http.post(_address(path), fields, headers=headers)


def _address(path: str) -> str:
    return path if path.startswith(("/", "http")) else f"/api/v1/{path}"


def _encoded(more: dict[str, Any]) -> dict[str, Any]:
    import json

    if isinstance(more.get("data"), dict | list):
        more["data"] = json.dumps(more["data"])
    return more


def with_key(person: Person, lab: Lab, scopes: Collection[str] = ("read", "evaluate"), **fields: Any) -> Api:
    name = f"key {person.api_keys.count() + 1}"
    _, secret = api_keys.create_api_key(person=person, lab=lab, name=name, scopes=scopes, now=timezone.now(), **fields)
    return Api(Client(), secret)


def in_browser(person: Person) -> Api:
    client = Client()
    client.force_login(person)
    return Api(client)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.fixture
def dana(arena: Arena) -> Api:
    """Evaluates, with a key."""
    return with_key(arena.dana, arena.lab)


@pytest.fixture
def alice(arena: Arena) -> Person:
    """Admin of the lab that owns the policies."""
    return make_person("alice@example.org", lab=arena.owners, role=Role.ADMIN)


@pytest.fixture
def bob(arena: Arena) -> Person:
    """A member of Alice's lab."""
    return make_person("bob@example.org", lab=arena.owners, role=Role.OWNER)


@pytest.fixture
def charlie(arena: Arena) -> Person:
    """Of another lab."""
    from tests.factories import make_lab

    return make_person("charlie@example.org", lab=make_lab("Charlie's lab"), role=Role.ADMIN)


@pytest.fixture
def eve(arena: Arena) -> Person:
    return make_steward()


@pytest.fixture
def anyone(db: None) -> Api:
    """Neither key nor account."""
    return Api(Client())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """To collect it is to make its cases, which takes seconds: not where it would be left out anyway."""
    left_out = "not slow" in str(config.getoption("markexpr", ""))
    return True if left_out and collection_path.name == "test_schemathesis.py" else None
