"""What /method says of the ranking is what the code and the benchmark's last run say."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from evaluations.models import Preference
from leaderboard import accuracy, method_ranking, snapshots
from leaderboard.ranking import JointSettings
from leaderboard.standing import WORDS
from tests import factories
from tests.factories import Arena


def page() -> str:
    return Client().get("/method").content.decode()


def test_the_constants_on_the_page_are_the_code_s(arena: Arena) -> None:
    shown = page()
    assert "standard deviation" in shown
    for prior in method_ranking.priors(JointSettings()):
        assert f'<th scope="row">{prior.of}</th>' in shown
    for words in WORDS.values():
        assert words in shown
    changed = method_ranking.priors(replace(JointSettings(), theta_sd=1.25))
    assert changed[0].sd == 1.25


def test_the_tables_are_the_last_run_s(arena: Arena) -> None:
    rows = json.loads((settings.BASE_DIR / accuracy.RESULTS).read_text())
    found = accuracy.last_run()
    assert found is not None
    ours = next(row for row in found.held_out if row.data == "April 2025" and row.is_ours)
    stored = next(row for row in rows if (row["case"], row["metric"]) == ("April 2025", "log-loss, 5 folds"))
    assert ours.log_loss == stored["ours"]
    assert f"{stored['ours']:.3f}" in page()
    assert len(found.calibration) == 10
    assert found.sizes[0] < found.sizes[-1]
    assert {row.data for row in found.agreement} >= {"plain", "simulated labs", "no progress"}
    assert "April 2025" not in {row.data for row in found.agreement}
    assert all(80 < row.ours <= 100 for row in found.coverage)


def test_without_the_benchmark_s_results_the_page_says_less(
    arena: Arena, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    accuracy.last_run.cache_clear()
    try:
        monkeypatch.setattr(accuracy, "RESULTS", tmp_path / "none.json")
        assert accuracy.last_run() is None
        assert "How right it is" not in page()
    finally:
        accuracy.last_run.cache_clear()


def test_what_the_last_board_found_is_shown(arena: Arena) -> None:
    now = timezone.now()
    assert "What the boards found" not in page()
    for number in range(6):
        session = factories.open_session(arena, f"stack block {number}", now=now)
        factories.finish_session(session, preference=Preference.A if number % 2 else Preference.TIE, now=now)
    snapshots.recompute_all(now=now)
    shown = page()
    assert "What the boards found" in shown
    fitted = method_ranking.facts()["fitted"]
    assert [board.counted for board in fitted] == [6]
    assert fitted[0].weight_preference is not None
