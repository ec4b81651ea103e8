from __future__ import annotations

from pathlib import Path

import pytest

from arena_client.errors import NotSignedIn
from arena_client.keys import find_key, key_file


@pytest.fixture
def file() -> Path:
    path = key_file()
    path.parent.mkdir(parents=True)
    path.write_text("arena_of_the_file\n")
    path.chmod(0o600)
    return path


def test_an_argument_goes_before_the_environment_and_that_before_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_key() == "arena_of_the_file"
    monkeypatch.setenv("ARENA_API_KEY", " arena_of_the_environment\n")
    assert find_key() == "arena_of_the_environment"
    assert find_key("arena_given") == "arena_given"


def test_a_file_that_others_can_read_is_not_used(file: Path) -> None:
    file.chmod(0o640)
    with pytest.raises(NotSignedIn, match="chmod 600"):
        find_key()


def test_without_a_key_it_is_said_where_to_put_it() -> None:
    with pytest.raises(NotSignedIn, match="ARENA_API_KEY") as error:
        find_key()
    assert str(key_file()) in str(error.value)


@pytest.mark.parametrize("key", ["arena_a\nX-More: 1", "arena_ä", "two words"])
def test_what_can_be_no_key_is_not_sent(key: str) -> None:
    with pytest.raises(NotSignedIn):
        find_key(key)
