"""What boards are called on pages, and the choice of boards that a reader has."""

from collections.abc import Iterable
from dataclasses import dataclass

from arena.models import Embodiment, Lab
from evaluations.models import TaskCategory
from leaderboard.boards import Board, Facets, offered
from leaderboard.questions import Kind, slug_of

GROUPS = {
    Kind.EMBODIMENT: "Robot",
    Kind.CATEGORY: "Kind of task",
    Kind.OPEN_SOURCE: "Policies",
    Kind.UNREQUESTED: "Sessions",
    Kind.QUARTER: "Time",
    Kind.WITHOUT_LAB: "Without one lab",
}
QUARTERS = {"1": "January to March", "2": "April to June", "3": "July to September", "4": "October to December"}


@dataclass(frozen=True)
class Choice:
    slug: str
    title: str
    counted: int


@dataclass(frozen=True)
class Group:
    title: str
    choices: list[Choice]


def title(board: Board) -> str:
    """Of its question, as a heading; that of an overall board is its scope's."""
    return titles([board])[board.slug]


def titles(boards: list[Board]) -> dict[str, str]:
    """By slug, with two queries at most."""
    robots = _names(boards, Kind.EMBODIMENT, ((slug_of(one.name), str(one)) for one in Embodiment.objects.iterator()))
    labs = _names(boards, Kind.WITHOUT_LAB, Lab.objects.values_list("slug", "name"))
    return {board.slug: _title(board, robots, labs) for board in boards}


def choices(board: Board, facets: Facets) -> list[Group]:
    """The boards beside the overall one that have an answer."""
    found = offered(board.scope, facets)
    named = titles(found)
    return [
        Group(
            words,
            [
                Choice(one.slug, named[one.slug], facets[kind.value][one.question.value])
                for one in found
                if one.question.kind is kind
            ],
        )
        for kind, words in GROUPS.items()
        if any(one.question.kind is kind for one in found)
    ]


def _names(boards: list[Board], kind: Kind, known: Iterable[tuple[str, str]]) -> dict[str, str]:
    return dict(known) if any(board.question.kind is kind for board in boards) else {}


def _title(board: Board, robots: dict[str, str], labs: dict[str, str]) -> str:
    value = board.question.value
    match board.question.kind:
        case Kind.OVERALL:
            return board.scope.title
        case Kind.EMBODIMENT:
            return robots.get(value, value)
        case Kind.CATEGORY:
            return str(TaskCategory(value).label) if value in TaskCategory.values else value
        case Kind.OPEN_SOURCE:
            return "Open source only"
        case Kind.UNREQUESTED:
            return "Without ordered sessions"
        case Kind.QUARTER:
            year, _, number = value.partition("-q")
            return f"{QUARTERS[number]} {year}"
        case Kind.WITHOUT_LAB:
            return f"Without {labs.get(value, value)}"
