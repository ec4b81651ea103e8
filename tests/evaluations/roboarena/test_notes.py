import pytest

from evaluations.models import Preference
from evaluations.roboarena.notes import ClosingNotes, parse

VALID, INVALID = True, False


@pytest.mark.parametrize(
    ("raw", "notes"),
    [
        ("VALID_SESSION:\nPREFERENCE=A\nLONGFORM_FEEDBACK=ok\n", ClosingNotes(VALID, Preference.A, "ok")),
        ("VALID_SESSION:\nPREFERENCE=TIE\nLONGFORM_FEEDBACK=\n", ClosingNotes(VALID, Preference.TIE, "")),
        ("PREFERENCE=B\nLONGFORM_FEEDBACK=ok", ClosingNotes(INVALID, Preference.B, "ok")),
        ("LONGFORM_FEEDBACK=VALID_SESSION:\n", ClosingNotes(INVALID, None, "VALID_SESSION:")),
        (
            "VALID_SESSION:\nPREFERENCE=A\nLONGFORM_FEEDBACK=ok\nPREFERENCE=B\n",
            ClosingNotes(VALID, Preference.A, "ok\nPREFERENCE=B"),
        ),
        ("LONGFORM_FEEDBACK=two\n\n", ClosingNotes(INVALID, None, "two\n")),
    ],
)
def test_what_follows_the_grammar_is_read(raw: str, notes: ClosingNotes) -> None:
    assert parse(raw) == notes


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\r"])
def test_only_a_newline_ends_a_line(separator: str) -> None:
    feedback = f"ok{separator}PREFERENCE=B"
    notes = parse(f"VALID_SESSION:\nPREFERENCE=A\nLONGFORM_FEEDBACK={feedback}\n")
    assert notes == ClosingNotes(VALID, Preference.A, feedback)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "VALID_SESSION:\n",
        "INVALID_SESSION:\nPREFERENCE=A\nLONGFORM_FEEDBACK=x\n",
        "valid_session:\nPREFERENCE=A\nLONGFORM_FEEDBACK=x\n",
        "PREFERENCE=A\nVALID_SESSION:\nLONGFORM_FEEDBACK=x\n",
        "PREFERENCE=A\nPREFERENCE=B\nLONGFORM_FEEDBACK=x\n",
        "PREFERENCE=C\nLONGFORM_FEEDBACK=x\n",
        "PREFERENCE=a\nLONGFORM_FEEDBACK=x\n",
        " VALID_SESSION:\nPREFERENCE=A\nLONGFORM_FEEDBACK=x\n",
        "UCB_POLICY=x\nPREFERENCE=A\nLONGFORM_FEEDBACK=x\n",
    ],
)
def test_what_does_not_follow_it_is_not_guessed_at(raw: str) -> None:
    assert parse(raw) is None
