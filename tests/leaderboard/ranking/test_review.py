import json

import numpy as np
import pytest

from leaderboard.ranking import UnknownModel, review
from leaderboard.ranking.review import find_cycles
from tests.leaderboard.ranking.samples import Row, table
from tests.leaderboard.ranking.test_joint import sessions


@pytest.mark.parametrize("model", ["joint", "davidson"])
def test_a_review_adds_up(model: str) -> None:
    comparisons = sessions(n=300)
    found = review(comparisons, model=model)
    json.dumps(found.as_json(), allow_nan=False)
    assert sum(pair.n for pair in found.pairs) == sum(one.n for one in found.calibration) == 300
    assert sum(lab.n for lab in found.labs) == sum(one.n for one in found.evaluators) == 300
    assert all(pair.wins + pair.ties + pair.losses == pair.n for pair in found.pairs)
    assert [abs(pair.z) for pair in found.pairs] == sorted((abs(pair.z) for pair in found.pairs), reverse=True)
    assert max(abs(pair.z) for pair in found.pairs) < 4


def test_cycles_are_counted_once_each() -> None:
    rows: list[Row] = [("p", "q", "A", "x"), ("q", "r", "A", "x"), ("p", "r", "B", "x")]
    found = find_cycles(table(rows * 2))
    assert (found.count, found.triples) == (1, 1)
    assert found.shown[0].policies == ("p", "q", "r")
    assert found.shown[0].margin == 2
    assert find_cycles(table([*rows[:2], ("p", "r", "A", "x")])).count == 0


def test_a_lab_that_turns_preferences_round_stands_out() -> None:
    good = [(a, b, "A" if a > b else "B", f"lab {k % 4}") for k in range(60) for a, b in (("q", "p"), ("p", "r"))]
    ties = [("p", "q", "TIE", f"lab {k % 4}") for k in range(8)]
    bad = [(a, b, "B" if y == "A" else "A", "odd") for a, b, y, _ in good[:20]]
    found = review(table(good + ties + bad), model="davidson")
    by_name = {lab.name: lab for lab in found.labs}
    assert by_name["odd"].fit > 3 * max(lab.fit for name, lab in by_name.items() if name != "odd")
    moves = {name: lab.largest_move for name, lab in by_name.items()}
    assert max(moves, key=lambda name: moves[name] or 0.0) == "odd"


def test_a_model_that_predicts_nothing_cannot_be_reviewed() -> None:
    with pytest.raises(UnknownModel) as caught:
        review(sessions(), model="mean_progress")
    assert caught.value.code == "model_without_predictions"


def test_calibration_holds_where_the_model_is_right() -> None:
    for one in review(sessions(n=2000), model="joint").calibration:
        assert abs(one.predicted - one.observed) < 3 * np.sqrt(0.25 / one.n) + 0.02
