"""Which side a remark is about, and what it speaks of."""

import pytest

from reports.evidence.themes import remarks


@pytest.mark.parametrize(
    ("notes", "found"),
    [
        ("A did not move. B picked up the cup and completed the task.", {("A", "no-motion"), ("B", "done")}),
        ("policy a dropped it while policy b was confident", {("A", "dropped"), ("B", "smooth")}),
        ("Both policies failed.", {("AB", "not-done")}),
        ("Policy B was faster than policy A.", {("B", "smooth")}),
        ("Policy A moved to the cup. It knocked over the glass.", {("A", "collided")}),
        ("B tried but failed to pick up the yellow cup.", {("B", "grasp-failed")}),
        ("A cup stood in the way.", set()),
        ("A good day.", set()),
        ("It was slow.", set()),
        (
            "A was unable to get a grasp but eventually it succeeded.",
            {("A", "grasp-failed"), ("A", "recovered"), ("A", "done")},
        ),
        ("I had to stop policy A, it was unsafe.", {("A", "unsafe")}),
        ("A attempted to fold and failed, B folded quickly.", {("A", "not-done"), ("B", "smooth")}),
        ("", set()),
    ],
)
def test_remarks_are_given_to_their_side(notes: str, found: set[tuple[str, str]]) -> None:
    assert {("".join(sorted(one.labels)), one.theme.key) for one in remarks(notes)} == found


def test_swapping_the_sides_swaps_the_remarks() -> None:
    notes = "Policy A dropped the cup, policy B was hesitant. B then finished while A froze."
    swapped = notes.translate(str.maketrans("AB", "BA"))
    turned = {"A": "B", "B": "A"}
    one = [(label, remark.theme.key) for remark in remarks(notes) for label in sorted(remark.labels)]
    two = [(turned[label], remark.theme.key) for remark in remarks(swapped) for label in sorted(remark.labels)]
    assert one == two
    assert len(one) == 4, one


def test_long_notes_take_no_long_time() -> None:
    assert len(list(remarks("Policy A dropped it and failed to pick " * 500 + "!" * 5000))) == 2
