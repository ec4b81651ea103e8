from collections.abc import Callable
from pathlib import Path

import pytest

from arena.config import env
from arena.config.env import ConfigurationError


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SAMPLE", "SAMPLE_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is not None:
        monkeypatch.setenv("SAMPLE", value)
    assert env.text("SAMPLE", "else") == "else"
    assert env.boolean("SAMPLE", default=True) is True
    assert env.integer("SAMPLE", 7) == 7
    assert env.words("SAMPLE", "a, b") == ["a", "b"]
    assert env.choice("SAMPLE", "ONE", among=("ONE", "TWO")) == "ONE"
    assert env.web_address("SAMPLE", "http://arena.example") == "http://arena.example"


def test_a_secret_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    monkeypatch.setenv("SAMPLE", "from the variable")
    monkeypatch.setenv("SAMPLE_FILE", str(tmp_path / "secret"))
    assert env.text("SAMPLE") == "from the file"


@pytest.mark.parametrize(("content", "why"), [(None, "cannot be read"), (b"\n", "is empty"), (b"\xff", "UTF-8")])
def test_a_file_without_a_secret_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, why: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("SAMPLE_FILE", str(path))
    with pytest.raises(ConfigurationError, match=f"SAMPLE_FILE=.*{why}"):
        env.text("SAMPLE", "else")


@pytest.mark.parametrize(
    ("value", "meant"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("FALSE", False), ("off", False)]
)
def test_yes_and_no(monkeypatch: pytest.MonkeyPatch, value: str, meant: bool) -> None:
    monkeypatch.setenv("SAMPLE", value)
    assert env.boolean("SAMPLE", default=not meant) is meant


def test_what_is_read_is_tidied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLE", " 12 ")
    assert env.integer("SAMPLE", 0, low=12, high=12) == 12
    monkeypatch.setenv("SAMPLE", "a.example,, b.example ,")
    assert env.words("SAMPLE") == ["a.example", "b.example"]
    monkeypatch.setenv("SAMPLE", "debug")
    assert env.choice("SAMPLE", "INFO", among=("DEBUG", "INFO")) == "DEBUG"
    monkeypatch.setenv("SAMPLE", "https://arena.example/")
    assert env.web_address("SAMPLE", "") == "https://arena.example"


def test_a_share_lies_between_0_and_1(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, meant in (("", 0.05), ("0", 0.0), (" .2 ", 0.2), ("1", 1.0)):
        monkeypatch.setenv("SAMPLE", value)
        assert env.share("SAMPLE", 0.05) == meant


def an_integer(name: str) -> object:
    return env.integer(name, 5, low=1, high=9)


def a_share(name: str) -> object:
    return env.share(name, 0.05)


def a_boolean(name: str) -> object:
    return env.boolean(name, default=True)


def a_choice(name: str) -> object:
    return env.choice(name, "ONE", among=("ONE", "TWO"))


def a_web_address(name: str) -> object:
    return env.web_address(name, "")


@pytest.mark.parametrize(
    ("read", "value"),
    [
        *((an_integer, value) for value in ("abc", "1.5", "0", "10", "-3")),
        *((a_share, value) for value in ("abc", "5 %", "1.01", "-0.1", "nan")),
        (a_boolean, "perhaps"),
        (a_choice, "three"),
        *((a_web_address, value) for value in ("arena.example", "ws://a", "http://", "http://a:b", "http://[::1")),
    ],
)
def test_what_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[str], object], value: str
) -> None:
    monkeypatch.setenv("SAMPLE", value)
    with pytest.raises(ConfigurationError, match="SAMPLE="):
        read("SAMPLE")
