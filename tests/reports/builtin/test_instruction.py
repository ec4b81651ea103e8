import pytest

from evaluations.categories import read_instruction
from reports.builtin.instruction import Difficulty, Kind, clear_instruction, difficulty, kind, needs_reasoning

SPANISH = "pon la taza en el plato"


@pytest.mark.parametrize(
    ("instruction", "clear"),
    [
        ("put the cup on the plate", True),
        ("do not touch anything", True),
        ("cup", False),
        ("", False),
        ("the red cup in the bowl", False),
        (SPANISH, None),
    ],
)
def test_an_instruction_is_clear_where_it_says_what_to_do(instruction: str, clear: bool | None) -> None:
    assert clear_instruction(read_instruction(instruction)).answer is clear


@pytest.mark.parametrize(
    ("instruction", "why"),
    [
        ("touch the red box and nothing else", "“nothing else” is an exception"),
        ("pick up the largest block", "“largest” is a comparison"),
        ("pick up the cup that is bigger than the bowl", "“bigger than” is a comparison"),
        ("pick up the vegetable", "“vegetable” is a kind of thing in place of a thing"),
        ("put the round objects in the box", "“round objects” is a kind of thing in place of a thing"),
        ("throw away the trash", "“trash” is a kind of thing in place of a thing"),
        ("stack the cups to form a pyramid", "“pyramid” is a figure to be built"),
    ],
)
def test_what_must_be_understood_needs_reasoning(instruction: str, why: str) -> None:
    finding = needs_reasoning(read_instruction(instruction))
    assert (finding.answer, finding.why) == (True, why)


@pytest.mark.parametrize(
    "instruction", ["put the cup on the plate", "put the cup in the trash", "throw the cup into the trash can"]
)
def test_a_plain_instruction_needs_none(instruction: str) -> None:
    assert needs_reasoning(read_instruction(instruction)).answer is False


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("put the cup on the plate", Kind.EVERYDAY),
        ("push the cup to the left", Kind.EVERYDAY),
        ("pour the water into the cup", Kind.DEXTERITY),
        ("hang the mug on the hook", Kind.DEXTERITY),
        ("find the key", Kind.GENERALIZATION),
        ("sort the blocks by colour", Kind.GENERALIZATION),
        ("put the vegetable in the bowl", Kind.GENERALIZATION),
        ("do nothing", None),
        (SPANISH, None),
    ],
)
def test_kinds(instruction: str, expected: Kind | None) -> None:
    assert kind(read_instruction(instruction)).answer == expected


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("put the cup on the plate", Difficulty.EASY),
        ("pick up the cup and put it on the plate", Difficulty.EASY),
        ("fold the towel", Difficulty.MEDIUM),
        ("put the cup on the plate, then put the plate on the tray", Difficulty.MEDIUM),
        ("stack the cups to form a pyramid", Difficulty.HARD),
        ("open the drawer, put the cup in the drawer, then pour the water out of the bottle", Difficulty.HARD),
        (SPANISH, None),
    ],
)
def test_each_thing_that_makes_it_harder_is_a_point(instruction: str, expected: Difficulty | None) -> None:
    assert difficulty(read_instruction(instruction)).answer == expected


def test_difficulty_says_what_its_points_are() -> None:
    finding = difficulty(read_instruction("put the lid on the pot, then stack the smallest cups"))
    assert finding.why == "its category is Group / Organize / Stack; 2 steps; “smallest” is a comparison"


@pytest.mark.parametrize("rule", [clear_instruction, needs_reasoning, kind, difficulty])
def test_nothing_is_told_of_another_language(rule: object) -> None:
    assert callable(rule)
    assert rule(read_instruction(SPANISH)).why == "it does not seem to be in English"
