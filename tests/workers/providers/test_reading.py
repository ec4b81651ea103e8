"""What models write around, in place of and inside an answer."""

import json

import pytest

from tests.workers.providers.asking import RIGHT, Tag
from workers.providers.reading import LONGEST_TEXT, Unfit, value_of

GOOD = json.dumps(RIGHT)


def with_words(words: str) -> str:
    return '{"category": "open-close", "progress": 0.5, "words": ' + words + "}"


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"\ufeff\n {GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}```\nI hope this helps!",
        f"Here you are:\n\n```JSON\r\n{GOOD}\r\n```",
        f"The answer is {GOOD} as you asked.",
        f'<think>Is it {{open}}? Perhaps {{"a": 1}}.</think>\n{GOOD}',
        f'so the template ate the first tag {{"a": 1}}</think>{GOOD}',
        f"<thinking>one</thinking><thinking>two</thinking>{GOOD}",
        with_words('"a </think> tag, a ```json {} fence and a { brace"'),
        with_words('"\\\\u0000 spelt out"'),
        json.dumps(RIGHT, indent=2),
    ],
)
def test_what_is_around_an_answer_does_no_harm(text: str) -> None:
    assert value_of(text, Tag).category == "open-close"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no JSON object"),
        ("I cannot say.", "no JSON object"),
        ("[]", "no JSON object"),
        ("<think>It could be {}", "thoughts that do not end"),
        (GOOD[:-4], "no valid JSON"),
        (f"{GOOD} or rather {GOOD}", "more than one JSON object"),
        (GOOD.replace('"words"', '"progress": 0.9, "words"'), "'progress' stands twice"),
        (GOOD.replace("0.5", "NaN"), "NaN is no number"),
        (GOOD.replace("0.5", "-Infinity"), "-Infinity is no number"),
        (GOOD.replace("0.5", "1e999"), "1e999 is too large"),
        (GOOD.replace("0.5", "9" * 5000), "too deep, or a number is too long"),
        ('{"a":' * 30_000, "too deep, or a number is too long"),
        (f"{' ' * LONGEST_TEXT}{GOOD}", "longer than"),
        (with_words('"\\u0000"'), "no text"),
        (with_words('"\\ud800"'), "no text"),
        (GOOD.replace("0.5", '"0.5"'), "progress: Input should be a valid number"),
        (GOOD.replace("0.5", "true"), "progress: Input should be a valid number"),
        (GOOD.replace("0.5", "1.5"), "progress: Input should be less than or equal to 1"),
        (GOOD.replace("0.5", "null"), "progress: Input should be a valid number"),
        (GOOD.replace("open-close", "rm -rf"), "category: Input should be 'pick-place' or 'open-close'"),
        (GOOD.replace('"words"', '"verdict"'), "words: Field required; verdict: Extra inputs are not permitted"),
        ("{}", "category: Field required; progress: Field required; words: Field required"),
    ],
)
def test_what_does_not_fit_is_said_to_the_model(text: str, problem: str) -> None:
    with pytest.raises(Unfit) as caught:
        value_of(text, Tag)
    assert problem in caught.value.problem


def test_an_answer_that_ran_into_its_limit_is_to_be_shorter() -> None:
    with pytest.raises(Unfit, match="cut off at the limit"):
        value_of(GOOD[:30], Tag, was_cut=True)
    assert value_of(f"{GOOD} And by the w", Tag, was_cut=True).progress == 0.5


def test_a_list_of_what_is_wrong_is_short_and_repeats_nothing() -> None:
    many = json.dumps({**RIGHT, **{f"extra{number}": "x" * 500 for number in range(50)}})
    with pytest.raises(Unfit) as caught:
        value_of(many, Tag)
    assert caught.value.problem.endswith("and 42 more")
    assert "xxx" not in caught.value.problem
