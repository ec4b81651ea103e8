import pytest

from evaluations.categories import intended_category
from evaluations.models import TaskCategory


@pytest.mark.parametrize(
    ("instruction", "category"),
    [
        ("put the red cup on the plate", TaskCategory.PICK_PLACE),
        ("Open the drawer", TaskCategory.OPEN_CLOSE),
        ("push the bowl to the left", TaskCategory.MOVE_SLIDE),
        ("knock over the bottle", TaskCategory.KNOCK_OVER),
        ("fold the towel in half", TaskCategory.COVER_FOLD),
        ("stack the blocks", TaskCategory.GROUP_STACK),
        ("find the toy", TaskCategory.FIND_SEARCH),
        ("turn the dial", TaskCategory.MANIPULATION),
        ("sort the blocks by color", TaskCategory.SORTING),
        ("wipe the table", TaskCategory.TOOL_USE),
        ("do nothing", TaskCategory.NO_ACTION),
        ("xyzzy", TaskCategory.UNKNOWN),
        ("", TaskCategory.UNKNOWN),
    ],
)
def test_the_instruction_suggests_a_category(instruction: str, category: TaskCategory) -> None:
    assert intended_category(instruction) == category
