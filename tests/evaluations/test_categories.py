import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluations.categories import intended_category, read_instruction
from evaluations.category_words import VERBS
from evaluations.models import TaskCategory


@pytest.mark.parametrize(
    ("instruction", "category"),
    [
        ("put the red cup on the plate", TaskCategory.PICK_PLACE),
        ("hand me the banana", TaskCategory.PICK_PLACE),
        ("hang the mug on the hook", TaskCategory.PICK_PLACE),
        ("swap the cups", TaskCategory.PICK_PLACE),
        ("Open the drawer", TaskCategory.OPEN_CLOSE),
        ("push the drawer closed", TaskCategory.OPEN_CLOSE),
        ("pull out the drawer", TaskCategory.OPEN_CLOSE),
        ("make sure the drawer is closed", TaskCategory.OPEN_CLOSE),
        ("push the bowl to the left", TaskCategory.MOVE_SLIDE),
        ("roll the ball to the left", TaskCategory.MOVE_SLIDE),
        ("knock over the bottle", TaskCategory.KNOCK_OVER),
        ("push the cup off the table", TaskCategory.KNOCK_OVER),
        ("fold the towel in half", TaskCategory.COVER_FOLD),
        ("put the cloth over the bowl", TaskCategory.COVER_FOLD),
        ("stack the blocks", TaskCategory.GROUP_STACK),
        ("put the blocks in a row", TaskCategory.GROUP_STACK),
        ("build a tower", TaskCategory.GROUP_STACK),
        ("find the toy", TaskCategory.FIND_SEARCH),
        ("point at the kettle", TaskCategory.FIND_SEARCH),
        ("turn the dial", TaskCategory.MANIPULATION),
        ("push the button down", TaskCategory.MANIPULATION),
        ("put the cup upside down", TaskCategory.MANIPULATION),
        ("take the lid off the pot", TaskCategory.MANIPULATION),
        ("sort the blocks by color", TaskCategory.SORTING),
        ("place each block in the bowl with the same colour", TaskCategory.SORTING),
        ("wipe the table", TaskCategory.TOOL_USE),
        ("drag the block with the stick", TaskCategory.TOOL_USE),
        ("flip the bread with the spatula", TaskCategory.TOOL_USE),
        ("do nothing", TaskCategory.NO_ACTION),
        ("stay still for ten seconds", TaskCategory.NO_ACTION),
        ("xyzzy", TaskCategory.UNKNOWN),
        ("", TaskCategory.UNKNOWN),
    ],
)
def test_the_instruction_suggests_a_category(instruction: str, category: TaskCategory) -> None:
    assert intended_category(instruction) == category


@pytest.mark.parametrize(
    ("instruction", "category"),
    [
        ("move the cup to the left", TaskCategory.MOVE_SLIDE),
        ("move the cup to the left of the plate", TaskCategory.MOVE_SLIDE),
        ("move the cup onto the plate", TaskCategory.PICK_PLACE),
        ("use the spoon to scoop rice", TaskCategory.TOOL_USE),
        ("use your left hand to pick up the cup", TaskCategory.PICK_PLACE),
        ("switch on the lamp", TaskCategory.MANIPULATION),
        ("switch the red and the blue cup", TaskCategory.PICK_PLACE),
        ("clean up the table", TaskCategory.TOOL_USE),
        ("clean up the toys", TaskCategory.GROUP_STACK),
        ("pull the cloth out of the box", TaskCategory.PICK_PLACE),
        ("pull the lever", TaskCategory.MANIPULATION),
    ],
)
def test_what_follows_the_verb_counts(instruction: str, category: TaskCategory) -> None:
    assert intended_category(instruction) == category


@pytest.mark.parametrize(
    ("instruction", "category"),
    [
        ("open the drawer, pick up the carrot and put it in the drawer", TaskCategory.PICK_PLACE),
        ("open the drawer, take out the pen, and close the drawer", TaskCategory.PICK_PLACE),
        ("pick up the towel and drape it over the chair", TaskCategory.COVER_FOLD),
        ("put the towel on the table. then put the cup on the table. then fold the towel", TaskCategory.COVER_FOLD),
        ("find the key and put it in the bowl", TaskCategory.FIND_SEARCH),
        ("grasp the stick and push the bottle with it", TaskCategory.TOOL_USE),
        ("pull the handle and open the door", TaskCategory.MOVE_SLIDE),
    ],
)
def test_of_several_steps_the_weightiest_decides(instruction: str, category: TaskCategory) -> None:
    assert intended_category(instruction) == category


@pytest.mark.parametrize(
    ("instruction", "category"),
    [
        ("don't move", TaskCategory.NO_ACTION),
        ("Don’t move", TaskCategory.NO_ACTION),
        ("do not touch anything", TaskCategory.NO_ACTION),
        ("touch nothing", TaskCategory.NO_ACTION),
        ("do not open or close the drawer", TaskCategory.NO_ACTION),
        ("don't touch the red cup, pick up the blue one", TaskCategory.PICK_PLACE),
        ("pick up the cup without knocking over the bottle", TaskCategory.PICK_PLACE),
        ("push the block instead of lifting it", TaskCategory.MOVE_SLIDE),
        ("push the block, not to the button", TaskCategory.MOVE_SLIDE),
        ("pick up the cup that is not stacked with others and place it in the box", TaskCategory.PICK_PLACE),
    ],
)
def test_what_is_forbidden_is_not_the_task(instruction: str, category: TaskCategory) -> None:
    assert intended_category(instruction) == category


@pytest.mark.parametrize(
    ("instruction", "category"),
    [
        ("palce the cup on the plate", TaskCategory.PICK_PLACE),
        ("pikc up the cup", TaskCategory.PICK_PLACE),
        ("puut the cup in the bowl", TaskCategory.PICK_PLACE),
        ("psuh the cup", TaskCategory.MOVE_SLIDE),
        ("poru the water into the cup", TaskCategory.MANIPULATION),
        ("pick up the towel and fodl it", TaskCategory.COVER_FOLD),
    ],
)
def test_a_slip_of_the_keyboard_is_mended(instruction: str, category: TaskCategory) -> None:
    assert intended_category(instruction) == category


@pytest.mark.parametrize(
    "instruction",
    [
        "pon la taza en el plato",
        "place la tasse sur l'assiette",
        "Lege den Apfel in die Schale",
        "Öffne die Schublade",
        "pak het blokje",
        "把杯子放在盘子上",
        "положи чашку на тарелку",
    ],
)
def test_other_languages_are_not_guessed_at(instruction: str) -> None:
    reading = read_instruction(instruction)
    assert reading.category is TaskCategory.UNKNOWN
    assert not reading.in_english


@pytest.mark.parametrize(
    ("instruction", "category"),
    [
        ("put the hammer, brush, and screwdriver in the box", TaskCategory.PICK_PLACE),
        ("put the orange cover marker in the green bowl", TaskCategory.PICK_PLACE),
        ("put the cup in the cabinet through the open door", TaskCategory.PICK_PLACE),
        ("hammer and nails in the box", TaskCategory.UNKNOWN),
        ("cups and plates on the tray", TaskCategory.UNKNOWN),
        ("hammer the nail into the wall", TaskCategory.TOOL_USE),
    ],
)
def test_a_thing_with_a_verbs_name_is_no_verb(instruction: str, category: TaskCategory) -> None:
    assert intended_category(instruction) == category


@pytest.mark.parametrize(
    ("instruction", "why"),
    [
        ("push the thermos with the stick", "“push … with the stick”"),
        ("pick the block and put it in the bin", "“pick”, “put”"),
        ("don't move", "it only forbids: “move”"),
        ("xyzzy", "it has no verb that the rules know"),
    ],
)
def test_the_words_that_decided_are_named(instruction: str, why: str) -> None:
    assert read_instruction(instruction).why == why


@settings(deadline=None)
@given(st.text(max_size=300) | st.lists(st.sampled_from([*VERBS, "the", "not", ",", "and", "lid", "to"])).map(" ".join))
def test_any_text_is_read(text: str) -> None:
    reading = read_instruction(text)
    assert reading.category in TaskCategory
    assert reading.why
    assert all(vote.category is not TaskCategory.UNKNOWN for vote in reading.votes)
    assert bool(reading.votes) <= (reading.category in {vote.category for vote in reading.votes})


def test_a_book_is_not_read() -> None:
    started = time.process_time()
    read_instruction("put the lid of the cup on the lid " * 20_000)
    assert time.process_time() - started < 0.5
