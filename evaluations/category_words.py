"""The words that tell the category of a task: verbs, what may follow them, and how much a step of that kind weighs."""

import re
from dataclasses import dataclass

from evaluations.models import TaskCategory as Category

# A step that is the point of a task outweighs one that only serves it: drawers are opened to put something in, and
# things are picked up to be folded, poured or put down.
GOAL, TRANSPORT, ARTICULATE, GRASP, PAUSE = 3.0, 2.0, 1.5, 1.0, 0.5


@dataclass(frozen=True)
class Sense:
    """What a verb says where `after` is found in the rest of its step. Without a category it says nothing."""

    category: Category | None
    weight: float
    after: re.Pattern[str] | None = None


def _sense(category: Category | None, weight: float, after: str = "") -> Sense:
    return Sense(category, weight, re.compile(rf"\b(?:{after})\b") if after else None)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CLOTH = r"(?:\w+ ){0,4}(?:cloth|towel|rag|blanket|napkin|tissue|shirt|sock|handkerchief|scarf)s?"
_TOOL = (
    r"(?:\w+ ){0,3}(?:tool|stick|sponge|brush|broom|hammer|mallet|knife|spatula|spoon|tongs|scissors|eraser|wiper"
    r"|duster|hook|rake|rod|racket|screwdriver|wrench|pliers|opener|ladle|shovel|chopsticks|drumstick|net|club)"
)
_BODY = r"(?:the |your |its |one |both |left |right )*(?:gripper|hand|arm|finger|robot)s?"
_BUTTON = r"(?:[\w']+ ){0,4}(?:button|key|keyboard|switch|lever|screen|doorbell|knob|handle|faucet)s?"
_FIGURE = r"tower|pyramid|stack|pile|row|line|circle|square|triangle|column|heap"
_SIDEWAYS = r"left|right|side|front|back|edge|cent(?:er|re)|middle|forwards?|backwards?"

# What may follow verbs of several kinds.
_WITH_TOOL = _sense(Category.TOOL_USE, GOAL, rf"(?:with|using) (?:{_TOOL}|it)")
_USING = _sense(Category.TOOL_USE, GOAL, rf"using (?!{_BODY})")
_TOGETHER = _sense(
    Category.GROUP_STACK,
    GOAL,
    rf"together|(?:close|next) to each other|on top of each other|(?:in|into|to form|to make) an? (?:{_FIGURE})",
)
_BY_KIND = _sense(
    Category.SORTING,
    GOAL,
    r"by (?:their |its |the )?(?:colou?rs?|size|shape|type|kind|category|weight)|according to"
    r"|(?:matching|corresponding|respective) \w+|(?:with|of) the same colou?r",
)
_ON_ITS_SIDE = _sense(
    Category.MANIPULATION, GOAL, r"(?:upside down|upright|on (?:its|their|the) side|face (?:down|up))$"
)
_CLOTH_OVER = _sense(Category.COVER_FOLD, GOAL, rf"^{_CLOTH} (?:over|on top of|around)")
_BUTTONS = _sense(Category.MANIPULATION, GOAL, rf"^(?:on )?{_BUTTON}")
_LEVER = _sense(Category.MANIPULATION, GOAL, "^(?:up )?the lever")
_SHUT = _sense(Category.OPEN_CLOSE, ARTICULATE, r"(?:closed|shut|open)$")
_LID_OFF = _sense(
    Category.MANIPULATION, ARTICULATE, r"(?:lid|cap|cork)s?(?: \w+)* off|off (?:\w+ ){0,2}(?:lid|cap|cork)s?"
)
_LID_AWAY = _sense(Category.MANIPULATION, ARTICULATE, r"^(?:the |a )?(?:\w+ )?(?:lid|cap|cork)(?: from\b.*)?$")
_TWISTS = (_BY_KIND, _TOGETHER)

_SORT = (_sense(Category.SORTING, GOAL),)
_FIND = (_sense(Category.FIND_SEARCH, GOAL),)
_TOUCH = (_BUTTONS, _WITH_TOOL, _sense(Category.FIND_SEARCH, TRANSPORT))
_STACK = (_BY_KIND, _sense(Category.GROUP_STACK, GOAL))
_BUILD = (_SHUT, _sense(Category.GROUP_STACK, GOAL, _FIGURE), _sense(None, 0))
_COVER = (_sense(Category.COVER_FOLD, GOAL),)
_KNOCK = (_sense(Category.TOOL_USE, GOAL, "nail|xylophone|drum"), _WITH_TOOL, _sense(Category.KNOCK_OVER, GOAL))
_WORK = (_sense(Category.TOOL_USE, GOAL),)
_CLEAN = (_sense(Category.GROUP_STACK, GOAL, "up (?:the |all )*(?:toy|object|item|thing|room|desk)s?"), *_WORK)
_USE = (_sense(None, 0, rf"^{_BODY}"), *_WORK)
_OPEN = (_WITH_TOOL, _sense(Category.OPEN_CLOSE, ARTICULATE))
_HANDLE = (_WITH_TOOL, _sense(Category.MANIPULATION, GOAL))
_PUSH = (
    *_TWISTS,
    _WITH_TOOL,
    _sense(Category.MANIPULATION, GOAL, "^down|^in the button"),
    _BUTTONS,
    _SHUT,
    _sense(Category.KNOCK_OVER, GOAL, r"over$|^over|off the table"),
    _sense(Category.MOVE_SLIDE, TRANSPORT),
)
_PULL = (
    _LEVER,
    *_TWISTS,
    _WITH_TOOL,
    _SHUT,
    _sense(Category.OPEN_CLOSE, ARTICULATE, "drawer|door"),
    _sense(Category.PICK_PLACE, TRANSPORT, "out|off"),
    _sense(Category.MOVE_SLIDE, TRANSPORT),
)
_MOVE = (
    *_TWISTS,
    _USING,
    _sense(
        Category.PICK_PLACE,
        TRANSPORT,
        r"(?:to|into|onto|inside|near|in|on|on top of|next to|beside|between|behind|under|out of)"
        rf" (?!(?:the |your |its )?(?:\w+ )?(?:{_SIDEWAYS})\b)",
    ),
    _sense(Category.MOVE_SLIDE, TRANSPORT),
)
_PUT = (*_TWISTS, _USING, _CLOTH_OVER, _ON_ITS_SIDE, _sense(Category.PICK_PLACE, TRANSPORT))
_GRASP = (
    _LID_OFF,
    _LEVER,
    _USING,
    _sense(Category.PICK_PLACE, TRANSPORT, "out|off|into|from"),
    _sense(Category.PICK_PLACE, GRASP),
)
_SPREAD = (_CLOTH_OVER, _sense(Category.COVER_FOLD, GOAL, _CLOTH), *_WORK)
_ROLL = (
    _sense(Category.COVER_FOLD, GOAL, rf"^up {_CLOTH}|{_CLOTH} up"),
    _WITH_TOOL,
    _sense(Category.MOVE_SLIDE, TRANSPORT),
)
_HANG_CLOTH = _sense(Category.COVER_FOLD, GOAL, rf"^{_CLOTH}")
_SWAP = _sense(Category.PICK_PLACE, TRANSPORT, "and|with")
_DO = (_sense(Category.NO_ACTION, GOAL, "^nothing"), _sense(None, 0))
_WAIT = (_sense(Category.NO_ACTION, PAUSE),)
_STILL = _sense(Category.NO_ACTION, PAUSE, "^still|^position")

_VERBS: tuple[tuple[tuple[Sense, ...], str], ...] = (
    (_SORT, "sort classify categorize categorise separate match"),
    (_FIND, "find count search locate identify point show look seek spot"),
    (_TOUCH, "touch tap reach poke choose select"),
    (_STACK, "stack restack group organize organise arrange align gather collect tidy pile nest assemble clear line"),
    (_BUILD, "make build create form construct"),
    (_COVER, "cover uncover drape fold unfold wrap unwrap"),
    (_KNOCK, "knock topple tip hit strike kick bump smash"),
    (_WORK, "wipe sweep scrub wash brush dust mop polish erase draw write paint cut slice chop stir scoop mix whisk"),
    (_WORK, "hammer shovel rake saw drill iron comb dig"),
    (_CLEAN, "clean"),
    (_USE, "use"),
    (_OPEN, "open close shut reopen unlock lock unzip zip"),
    (
        _HANDLE,
        "press turn rotate twist spin tilt shake pour unplug plug insert squeeze screw unscrew uncap bend tear peel",
    ),
    (_HANDLE, "upright straighten invert flip dial ring tie untie play start activate type crumple tighten loosen"),
    (_HANDLE, "attach detach connect fill empty dip crush"),
    (_SPREAD, "spread"),
    (_ROLL, "roll"),
    ((_STILL, *_HANDLE), "stand"),
    (_PUSH, "push slide drag shove nudge scoot"),
    (_PULL, "pull"),
    (_MOVE, "move shift"),
    (_PUT, "put place lay set drop throw toss bring give hand pass carry transfer return store stow load unload pack"),
    (_PUT, "unpack feed deliver serve balance unstack swap exchange replace get fetch dump position stick"),
    ((_STILL, *_PUT), "keep"),
    ((_HANG_CLOTH, *_PUT), "hang"),
    ((_SWAP, *_HANDLE), "switch"),
    ((_LID_AWAY, *_GRASP), "take remove"),
    (_GRASP, "pick pickup grab grasp lift raise catch lower"),
    ((_STILL, *_GRASP), "hold"),
    (_WAIT, "wait stay stop freeze remain idle rest pause"),
    (_DO, "do"),
)
VERBS: dict[str, tuple[Sense, ...]] = {verb: senses for senses, verbs in _VERBS for verb in verbs.split()}

# These are names of things as well: in the middle of a sentence they are verbs only where an object follows.
ALSO_NOUNS = _words(
    "hammer brush rake saw drill iron comb shovel stick screw plug switch cover cut drop stack hand stand spot match"
    " pile group line nest point look dust ring paint mop spread roll pack load dial lock zip set rest position play"
    " form peel tie lift turn use place show open clean"
)
NEGATIONS = _words("don't dont not never without avoid cannot can't instead rather")
DETERMINERS = _words(
    "the a an this that these those my your its their his her all both each every some any one two three"
)
OBJECTS = DETERMINERS | _words("it them him me something everything anything nothing up")
# A verb does not stand behind these: "in the open drawer", "a black cover".
NOT_BEFORE_VERBS = DETERMINERS | _words(
    "in on into onto inside of with at from over under near between behind beside no other same red green blue yellow"
    " white black brown orange purple pink gray grey silver wooden metal plastic small big large little top bottom"
)
# A few small words of each language show that an instruction is not in English.
ENGLISH = _words("the of up into onto with and it to off from then your all put pick")
FOREIGN = _words(
    "la le les el los las una un une der das den dem ein eine einen il lo gli uno het een de du des sur dans und auf y"
    " et en sobre del al nel nella sul sulla em uma para och på"
)
