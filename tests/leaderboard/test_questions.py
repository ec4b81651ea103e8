"""Questions are pure: a slug, and the rows of an input that belong to it."""

import csv
from io import StringIO

import pytest

from leaderboard import questions
from leaderboard.questions import EVERYTHING, Kind, Question, parse, select

COLUMNS = (
    "session,policy_a,policy_b,preference,progress_a,progress_b,task_category,lab,evaluator,"
    "embodiment,closed_at,open_source_a,open_source_b,requested,left_out"
)
ROWS = [
    "1,p@1,q@1,A,,,pick-place,eth,e1,DROID,2026-03-31T23:59:59+00:00,1,1,0,",
    "2,p@1,q@1,B,,,open-close,eth,e1,DROID,2026-04-01T00:00:00+00:00,1,0,0,",
    "3,q@1,p@1,TIE,,,pick-place,unc,e2,Big Arm 5,2026-04-02T00:00:00+00:00,1,1,1,",
    "4,q@1,p@1,,,,pick-place,unc,e2,DROID,2026-04-03T00:00:00+00:00,1,1,0,evaluator_left",
]
INPUT = "\n".join([COLUMNS, *ROWS, ""]).encode()


@pytest.mark.parametrize(
    ("slug", "question"),
    [
        ("", EVERYTHING),
        ("embodiment.droid", Question(Kind.EMBODIMENT, "droid")),
        ("category.pick-place", Question(Kind.CATEGORY, "pick-place")),
        ("open-source", Question(Kind.OPEN_SOURCE)),
        ("quarter.2026-q4", Question(Kind.QUARTER, "2026-q4")),
        ("unrequested", Question(Kind.UNREQUESTED)),
        ("without-lab.eth", Question(Kind.WITHOUT_LAB, "eth")),
    ],
)
def test_a_slug_names_a_question_and_back(slug: str, question: Question) -> None:
    assert parse(slug) == question
    assert question.slug == slug


@pytest.mark.parametrize(
    "slug",
    [
        "other",
        "category",
        "category.",
        "category.Pick Place",
        "category.a.b",
        "open-source.yes",
        "open-source.",
        "quarter.2026-q5",
        "quarter.2026",
        "without-lab.../x",
        "embodiment." + "a" * 61,
        "category.x\n",
        ".",
        "overall",
    ],
)
def test_other_slugs_name_none(slug: str) -> None:
    assert parse(slug) is None


@pytest.mark.parametrize(
    ("slug", "counted", "excluded"),
    [
        ("", ["1", "2", "3"], {"evaluator_left": 1}),
        ("embodiment.droid", ["1", "2"], {"evaluator_left": 1}),
        ("embodiment.big-arm-5", ["3"], {}),
        ("category.pick-place", ["1", "3"], {"evaluator_left": 1}),
        ("open-source", ["1", "3"], {"evaluator_left": 1}),
        ("quarter.2026-q1", ["1"], {}),
        ("quarter.2026-q2", ["2", "3"], {"evaluator_left": 1}),
        ("unrequested", ["1", "2"], {"evaluator_left": 1}),
        ("without-lab.eth", ["3"], {"evaluator_left": 1}),
        ("without-lab.mit", ["1", "2", "3"], {"evaluator_left": 1}),
        ("category.tool-use", [], {}),
    ],
)
def test_counted_and_excluded_are_those_of_the_question(
    slug: str, counted: list[str], excluded: dict[str, int]
) -> None:
    question = parse(slug)
    assert question is not None
    found = select(INPUT, question)
    rows = list(csv.DictReader(StringIO(found.content.decode())))
    assert [row["session"] for row in rows] == counted
    assert (found.counted, found.excluded) == (len(counted), excluded)
    assert found.total == len(counted) + sum(excluded.values())


def test_the_selection_of_everything_is_the_counted_rows_byte_for_byte() -> None:
    assert select(INPUT, EVERYTHING).content == "\n".join([COLUMNS, *ROWS[:3], ""]).encode()


def test_an_input_without_reasons_is_counted_whole() -> None:
    assert select(b"session,lab\n1,eth\n", EVERYTHING).counted == 1


def test_facets_count_what_questions_ask_for() -> None:
    found = questions.facets(INPUT)
    assert found["embodiment"] == {"big-arm-5": 1, "droid": 2}
    assert found["category"] == {"open-close": 1, "pick-place": 2}
    assert found["quarter"] == {"2026-q1": 1, "2026-q2": 2}
    assert found["without-lab"] == {"eth": 2, "unc": 1}
    assert found["open-source"] == {"": 2}
    assert found["unrequested"] == {"": 2}
