"""The task category that an instruction suggests, by a few plain rules: known before the pair is drawn."""

import re

from evaluations.models import TaskCategory

# The first rule that matches decides, so the specific ones stand before the general ones.
_RULES: tuple[tuple[TaskCategory, str], ...] = tuple(
    (category, rf"\b(?:{pattern})\b")
    for category, pattern in (
        (TaskCategory.NO_ACTION, r"do nothing|don'?t move|stay still|no action|wait"),
        (TaskCategory.SORTING, r"sort|classify|separate|by colou?r|by size"),
        (TaskCategory.FIND_SEARCH, r"find|search|look for|locate|point (?:at|to)|which"),
        (TaskCategory.GROUP_STACK, r"stack|group|organi[sz]e|arrange|line up|align|tidy|clean up|pile"),
        (TaskCategory.COVER_FOLD, r"fold|unfold|cover|uncover|drape|wrap|hang"),
        (TaskCategory.KNOCK_OVER, r"knock|topple|tip over|flip"),
        (TaskCategory.TOOL_USE, r"hammer|wipe|sweep|scoop|stir|cut|draw|write|use the|with the (?:stick|brush|sponge)"),
        (TaskCategory.OPEN_CLOSE, r"open|close|shut"),
        (TaskCategory.MANIPULATION, r"press|turn|rotate|twist|unplug|plug|insert|switch|pour|squeeze|screw|dial|lever"),
        (TaskCategory.MOVE_SLIDE, r"push|pull|slide|drag|move"),
        (TaskCategory.PICK_PLACE, r"pick|place|put|grab|grasp|take|lift|drop|bring|hand|give|carry|set|remove|throw"),
    )
)


def intended_category(instruction: str) -> TaskCategory:
    text = instruction.lower()
    for category, pattern in _RULES:
        if re.search(pattern, text):
            return category
    return TaskCategory.UNKNOWN
