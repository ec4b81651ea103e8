from hypothesis import example, given
from hypothesis import strategies as st

from evaluations.models import Preference
from evaluations.roboarena.notes import ClosingNotes, parse

# What a person can type or paste into one line of a terminal: anything but the newline that ends it.
ONE_LINE = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))


@given(valid=st.booleans(), preference=st.sampled_from(Preference), feedback=ONE_LINE)
@example(valid=False, preference=Preference.A, feedback="VALID_SESSION:\u2028PREFERENCE=B")
def test_whatever_is_typed_as_feedback_stays_feedback(valid: bool, preference: Preference, feedback: str) -> None:
    head = "VALID_SESSION:\n" if valid else ""
    raw = f"{head}PREFERENCE={preference}\nLONGFORM_FEEDBACK={feedback}\n"
    assert parse(raw) == ClosingNotes(valid, preference, feedback)


@given(st.text())
def test_any_text_is_read_or_refused(raw: str) -> None:
    notes = parse(raw)
    if notes is not None:
        assert f"LONGFORM_FEEDBACK={notes.feedback}" in raw
