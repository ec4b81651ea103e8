"""The check of a server, against one that looks at the pictures it is sent, and against some that are lacking."""

import json
import re
from collections.abc import Callable
from io import BytesIO, StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from tests.workers.provider_server import KEY, MODEL, Asked, ProviderServer, Says, fails
from workers.providers.contract import COLOURS, drawing

BACKGROUND = (245, 245, 245)


def near(pixel: Any, colour: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 40 for one, other in zip(pixel, colour, strict=True))


def looked_at(picture: Image.Image) -> dict[str, Any]:
    """What is in the middle of each quarter."""
    side = picture.width
    middles = [picture.getpixel((x, y)) for y in (side // 4, side * 3 // 4) for x in (side // 4, side * 3 // 4)]
    seen = [pixel for pixel in middles if not near(pixel, BACKGROUND)]
    return {"number": len(seen), "colour": next(name for name, value in COLOURS.items() if near(seen[0], value))}


def able(asked: Asked) -> Says | dict[str, Any]:
    """A model that does all that it is asked."""
    if asked.pictures:
        return looked_at(asked.pictures[0])
    cups = re.search(r"There are (\d) (\w+) cups", asked.text)
    if cups:
        return {"number": int(cups[1]), "colour": cups[2]}
    secret = re.search(r"The secret word is ([\w-]+)\.", asked.text)
    return Says(secret[1] if secret else "ready")


def check(server: ProviderServer, *more: str) -> tuple[dict[str, str], bool, str]:
    """The result of each check, whether the server can be used, and all that was printed."""
    out, is_usable = StringIO(), True
    try:
        call_command("check_provider", "--url", server.url, "--model", MODEL, "--json", *more, stdout=out)
    except CommandError:
        is_usable = False
    facts = json.loads(out.getvalue())
    assert facts["usable"] is is_usable
    return {one["name"]: one["result"] for one in facts["checks"]}, is_usable, out.getvalue()


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_OF_THE_TEST", KEY)


WITH_KEY = ("--key-env", "KEY_OF_THE_TEST")


def test_a_good_server_passes_everything(model_server: ProviderServer) -> None:
    model_server.always = able
    results, is_usable, printed = check(model_server, *WITH_KEY, "--vision")
    assert set(results.values()) == {"passed"}
    assert len(results) == 12
    assert is_usable
    assert KEY not in printed


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_drawing_shows_what_is_asked(number: int, colour: str) -> None:
    picture = Image.open(BytesIO(drawing(number, colour).jpeg))
    assert looked_at(picture) == {"number": number, "colour": colour}


def _blind(asked: Asked) -> Any:
    return fails(400, "image input is not supported") if asked.pictures else able(asked)


def _guessing(asked: Asked) -> Any:
    return {"number": 9, "colour": "red"} if asked.pictures else able(asked)


def _silent_about_tokens(asked: Asked) -> Any:
    said = able(asked)
    return Says(json.dumps(said) if isinstance(said, dict) else said.content, usage=None)


def _forgetful(asked: Asked) -> Any:
    return Says("which word?") if "secret" in asked.text else able(asked)


@pytest.mark.parametrize(
    ("behaviour", "fails_at"),
    [
        (_blind, "picture"),
        (_guessing, "picture"),
        (_silent_about_tokens, "usage figures"),
        (_forgetful, "long question"),
    ],
)
def test_what_is_lacking_is_said_and_is_no_obstacle(
    model_server: ProviderServer, behaviour: Callable[[Asked], Any], fails_at: str
) -> None:
    model_server.always = behaviour
    results, is_usable, _ = check(model_server, *WITH_KEY)
    assert [name for name, result in results.items() if result != "passed"] == [fails_at]
    assert is_usable


def test_a_model_that_must_see_and_does_not_cannot_be_used(model_server: ProviderServer) -> None:
    model_server.always = _blind
    assert check(model_server, *WITH_KEY, "--vision")[1] is False


def test_a_server_without_structured_output_is_asked_in_words(model_server: ProviderServer) -> None:
    model_server.modes = frozenset()
    model_server.always = able
    results, is_usable, printed = check(model_server, *WITH_KEY)
    assert (results["json_schema"], results["json_object"], results["prompt"]) == ("failed", "failed", "passed")
    assert is_usable
    assert "It will be asked for prompt" in printed


def test_a_model_that_answers_beside_the_point_cannot_be_used(model_server: ProviderServer) -> None:
    model_server.always = {"number": 9, "colour": "red"}
    results, is_usable, _ = check(model_server, *WITH_KEY)
    assert (results["json_schema"], results["right answer"], is_usable) == ("passed", "failed", False)


def test_where_no_answer_fits_the_rest_could_not_be_checked(model_server: ProviderServer) -> None:
    model_server.always = Says("nonsense")
    results, is_usable, _ = check(model_server, *WITH_KEY)
    assert (results["structured answer"], results["right answer"]) == ("failed", "could not check")
    assert is_usable is False


def test_nobody_there_is_one_line(model_server: ProviderServer) -> None:
    model_server.shutdown()
    model_server.server_close()
    results, is_usable, _ = check(model_server, *WITH_KEY)
    assert (results, is_usable) == ({"reached": "failed"}, False)


def test_a_wrong_key_fails_and_is_not_shown(model_server: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_OF_THE_TEST", "wrong-key-of-ours")
    results, is_usable, printed = check(model_server, *WITH_KEY)
    assert (results["plain answer"], is_usable) == ("failed", False)
    assert "wrong-key-of-ours" not in printed


def test_people_read_a_table(model_server: ProviderServer) -> None:
    model_server.always = able
    out = StringIO()
    call_command("check_provider", "--url", model_server.url, "--model", MODEL, *WITH_KEY, stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[0] == f"{MODEL} at {model_server.url}"
    assert re.fullmatch(r"!✓ right answer +passed +\d+\.\d\d s  It says (\d) (\w+); there are \1 \2\.", lines[7])
    assert lines[-1] == "This server can be used."


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--url", "localhost:1/v1"), "not an address"),
        (("--url", "http://localhost:1/v1", "--key-env", "UNSET_KEY"), "UNSET_KEY is not set"),
        (("--url", "http://localhost:1/v1", "--timeout", "241"), "between 1 and 240"),
    ],
)
def test_a_wrong_argument_is_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("check_provider", "--model", MODEL, *arguments)
