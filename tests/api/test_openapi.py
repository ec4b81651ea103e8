"""The checked-in document is the code's, says what every operation needs, and is shown to people."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver
from drf_spectacular.drainage import GENERATOR_STATS

from arena.api import document
from arena.api.views import ApiView


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document.document()["paths"].items()
        for method, operation in methods.items()
    ]


@pytest.mark.slow
def test_the_document_is_what_the_code_says(tmp_path: Any) -> None:
    GENERATOR_STATS.reset()
    fresh = tmp_path / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", file=str(fresh))
    assert fresh.read_text() == document.PATH.read_text(), "docs/openapi.yaml is out of date: make openapi"


def test_every_view_names_who_may_call_it() -> None:
    for view in _views():
        handlers = {method.upper() for method in ("get", "post", "put", "patch", "delete") if hasattr(view, method)}
        assert set(view.access) == handlers, view
        assert view.tag, view


def _views() -> list[type[ApiView]]:
    found = []
    for resolver in get_resolver().url_patterns:
        for pattern in getattr(resolver, "url_patterns", []):
            view = getattr(pattern.callback, "cls", None) if pattern.callback else None
            if isinstance(view, type) and issubclass(view, ApiView):
                found.append(view)
    assert len(found) > 30
    return found


def test_every_write_takes_an_idempotency_key_and_every_operation_names_its_errors() -> None:
    for path, method, operation in operations():
        if path.startswith("/api/v1/uploads"):
            continue
        names = {parameter["name"] for parameter in operation.get("parameters", [])}
        assert ("Idempotency-Key" in names) == (method != "get"), path
        assert {"400", "401", "403", "404", "405", "429"} <= operation["responses"].keys()
        assert operation["summary"], path


def test_no_two_operations_have_one_name() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))


def test_inputs_and_outputs_are_named_as_such() -> None:
    for name, schema in document.document()["components"]["schemas"].items():
        if name.endswith("Input"):
            assert schema["additionalProperties"] is False


def test_programs_of_any_origin_may_read_it(db: None) -> None:
    answer = Client().get("/api/openapi.json")
    assert answer.json() == yaml.safe_load(document.PATH.read_text())
    assert answer["Access-Control-Allow-Origin"] == "*"


class Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if (found.get("href") or "").startswith("#"):
            self.links.add(str(found["href"])[1:])
        self.scripts += tag == "script" and "src" not in found


def test_the_page_shows_every_operation(db: None) -> None:
    answer = Client().get("/api/docs")
    text = answer.content.decode()
    page = Ids()
    page.feed(text)
    assert len(page.ids) == len(set(page.ids))
    assert page.links <= set(page.ids)
    assert page.scripts == 0
    for path, _, operation in operations():
        assert operation["operationId"].replace("_", "-") in page.ids
        assert re.sub(r"<wbr>", "", text).count(path) >= 1
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "style=" not in text
