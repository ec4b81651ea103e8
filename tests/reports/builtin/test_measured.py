"""The figures of docs/reports.md, from the real instructions that the rules were not built on."""

from pathlib import Path

import pytest
from django.conf import settings

from evaluations.categories import intended_category

DOCS = Path(settings.BASE_DIR) / "docs" / "reports.md"


@pytest.fixture
def held_out(shared_data: Path) -> tuple[list[str], list[str]]:
    """The rules' categories of the half of the sessions that they were not built on, and a vision model's tags."""
    from benchmarks.tags import april

    asked = [one for one in april() if not one.is_for_building]
    return [str(intended_category(one.instruction).label) for one in asked], [one.category for one in asked]


def test_the_documented_accuracy_is_measured(held_out: tuple[list[str], list[str]]) -> None:
    from benchmarks.tags import accuracy, macro_f1

    figures = f"{len(held_out[0])} others: accuracy {accuracy(*held_out):.1%}, macro F1 {macro_f1(*held_out):.2f}"
    assert figures.replace("%", " %") in DOCS.read_text()


def test_the_documented_confusion_is_measured(held_out: tuple[list[str], list[str]]) -> None:
    from benchmarks.tags import confusion

    assert confusion(*held_out) in DOCS.read_text()
