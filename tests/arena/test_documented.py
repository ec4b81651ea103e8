"""What an operator or a client can meet is documented, or a test fails."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(settings.BASE_DIR)
APPS = ("arena", "credits", "evaluations", "leaderboard", "reports", "workers")


def doc(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def sources(*folders: str) -> Iterator[ast.AST]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield from ast.walk(ast.parse(path.read_text()))


def called_name(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def first_text(node: ast.Call) -> str | None:
    first = node.args[0] if node.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    readers = {"text", "boolean", "integer", "number", "share", "words", "choice", "web_address"}
    read = {
        first_text(node)
        for node in sources("arena/config")
        if isinstance(node, ast.Call) and called_name(node) in readers
    }
    listed = set(re.findall(r"^\| `([A-Z_]+)` \|", doc("settings.md"), re.MULTILINE))
    of_each_model_provider = {name for name in listed if name.startswith("MODEL_NAME_")}
    assert listed - of_each_model_provider == {name for name in read if name}


def test_every_command_is_documented() -> None:
    ours = {name for name, app in get_commands().items() if app in APPS}
    listed = set(re.findall(r"^\| `([a-z_]+)", doc("commands.md"), re.MULTILINE))
    assert listed == ours


def test_every_error_code_is_documented() -> None:
    kinds = {"ArenaError", "NotFound", "AccessDenied", "NotSignedIn", "Conflict", "TooLarge", "TooMany"}
    kinds.add("_with_status")
    used = {first_text(node) for node in sources(*APPS) if isinstance(node, ast.Call) and called_name(node) in kinds}
    listed = set(re.findall(r"^\| `([a-z_]+)` \| \d", doc("errors.md"), re.MULTILINE))
    assert {code for code in used if code} <= listed


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if pattern.app_name != "admin":
                yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            yield prefix + str(pattern.pattern)


@pytest.mark.parametrize("route", sorted(routes(get_resolver().url_patterns)))
def test_every_route_is_documented(route: str) -> None:
    path = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", route)
    assert f"`{path}`" in doc("routes.md")
