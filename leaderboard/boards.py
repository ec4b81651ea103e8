"""Boards: questions that are put to the sessions of a scope. A board's slug names both."""

from dataclasses import dataclass

from arena.errors import NotFound
from evaluations.scopes import SCOPES, Scope, chosen_scope
from leaderboard.questions import EVERYTHING, Kind, Question, parse
from leaderboard.standing import KEPT_FROM

KEPT_KINDS = (Kind.EMBODIMENT, Kind.CATEGORY, Kind.OPEN_SOURCE, Kind.UNREQUESTED)

Facets = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Board:
    scope: Scope
    question: Question = EVERYTHING

    @property
    def slug(self) -> str:
        return f"{self.scope.slug}.{self.question.slug}" if self.question.slug else self.scope.slug

    @property
    def is_overall(self) -> bool:
        return self.question.kind is Kind.OVERALL


OVERALL = tuple(Board(scope) for scope in SCOPES)


def board_named(slug: str) -> Board:
    """Raises NotFound. Whether anything was ever counted for its question is another matter."""
    name, _, rest = slug.partition(".")
    scope = next((scope for scope in SCOPES if scope.slug == name), None)
    question = parse(rest)
    if scope is None or question is None or (slug != name and not rest):
        scopes = ", ".join(scope.slug for scope in SCOPES)
        raise NotFound("board_unknown", "There is no such board.", hint=f"Overall boards are {scopes}.")
    return Board(scope, question)


def chosen_board(slug: str | None) -> Board:
    """The board that a visitor asked for; without a wish the first overall one that has a valid session."""
    return board_named(slug) if slug else Board(chosen_scope(None))


def offered(scope: Scope, facets: Facets) -> list[Board]:
    """Every board of the scope whose question some counted session answers, as an overall snapshot knows them."""
    questions = [
        Question(kind, value)
        for kind in Kind
        for value, count in facets.get(kind.value, {}).items()
        if count and not (kind is Kind.WITHOUT_LAB and len(facets[kind.value]) < 2)
    ]
    return [Board(scope, question) for question in questions if parse(question.slug) == question]


def kept(scope: Scope, facets: Facets, *, quarter: str) -> list[Board]:
    """Those that are kept up to date, the present quarter's among them."""
    overall = sum(facets.get(Kind.QUARTER.value, {}).values())
    found = []
    for board in offered(scope, facets):
        kind, value = board.question.kind, board.question.value
        count = facets[kind.value][value]
        wanted = kind in KEPT_KINDS or (kind is Kind.QUARTER and value == quarter)
        # Where every session belongs to it the answer is the overall one.
        if wanted and KEPT_FROM <= count < overall:
            found.append(board)
    return found
