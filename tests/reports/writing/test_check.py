"""What no report may say: each thing that is wrong with a claim is found by code, whoever wrote it."""

import random
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.builtin import writer
from reports.evidence.items import Evidence, Group, Item
from reports.evidence.meetings import Outcome
from reports.writing.check import is_certain, problems
from reports.writing.claims import Citation, Claim, Section, Shows
from tests.reports.meetings import SUBJECT, evidence, meeting, strong_at_picking

FOUND = evidence()


def item(group: Group, key: str) -> Item:
    return next(one for one in FOUND.of_group(group) if one.key == key)


PICK, FOLD, TOOLS = (item(Group.CATEGORY, key) for key in ("pick-place", "cover-fold", "tool-use"))


def session(of: Item, outcome: Outcome) -> str:
    return next(one for one in of.sessions if FOUND.meetings[one].outcome is outcome)


def claim(text: str = "It is good at putting things where they belong.", of: Item = PICK, **fields: Any) -> Claim:
    usual: dict[str, Any] = {
        "section": Section.STRENGTHS,
        "direction": "good",
        "evidence": [of.id],
        "citations": [Citation(session=session(of, Outcome.WON), shows=Shows.WON)],
    }
    return Claim(text=text, **(usual | fields))


def codes(one: Claim, **kwargs: Any) -> set[str]:
    return {found.code for found in problems(one, FOUND, **kwargs)}


def test_a_true_claim_has_no_problem() -> None:
    assert codes(claim()) == set()
    assert (
        codes(claim(f"{SUBJECT} won {PICK.won} of {PICK.n}, a share of {100 * PICK.win_share.value:.0f} %.")) == set()
    )
    assert is_certain(claim(), FOUND)


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (claim(evidence=["E999"]), "unknown-evidence"),
        (claim(citations=[Citation(session=str(uuid.uuid4()), shows=Shows.WON)]), "unknown-session"),
        (claim(citations=[Citation(session="S999", shows=Shows.WON)]), "unknown-session"),
        (claim(citations=[Citation(session=session(FOLD, Outcome.WON), shows=Shows.WON)]), "outside-evidence")
        if any(FOUND.meetings[one].outcome is Outcome.WON for one in FOLD.sessions)
        else (claim(citations=[Citation(session=session(FOLD, Outcome.LOST), shows=Shows.LOST)]), "outside-evidence"),
        (claim(citations=[Citation(session=session(PICK, Outcome.WON), shows=Shows.LOST)]), "contradicted"),
        (claim(citations=[Citation(session=session(PICK, Outcome.WON), shows=Shows.NOT_FAR)]), "contradicted"),
        (claim(citations=[Citation(session=session(PICK, Outcome.WON), shows=Shows.FELL_BEHIND)]), "contradicted"),
        (claim(citations=[Citation(session=session(PICK, Outcome.WON), shows=Shows.DID_NOT_SUCCEED)]), "contradicted"),
        (claim(citations=[Citation(session=session(PICK, Outcome.WON), shows=Shows.RECOVERED)]), "contradicted"),
        (
            claim(citations=[Citation(session=session(PICK, Outcome.WON), shows=Shows.FAILURE, detail="dropped")]),
            "contradicted",
        ),
        (
            claim(citations=[Citation(session=session(PICK, Outcome.WON), shows=Shows.NOTED, detail="dropped")]),
            "contradicted",
        ),
        (claim(direction="bad"), "wrong-section"),
        (claim(of=FOLD, citations=[]), "direction"),
        (claim("It is weak at picking things up.", section=Section.WEAKNESSES, direction="bad"), "direction"),
        (
            claim(
                citations=[Citation(session=session(TOOLS, Outcome.LOST), shows=Shows.LOST)], evidence=["E1", TOOLS.id]
            ),
            "direction",
        ),
        (claim("It won 57 of its sessions."), "number"),
        (claim("It won seven sessions more than others."), "number"),
        (claim("It won 13.37 % of them."), "number"),
        (claim("It beats the others at folding.", of=FOLD, section=Section.FAILURES), "words-against-figures"),
        (claim("It is worse than the others here."), "words-against-figures"),
        (
            claim(
                "It is an excellent and robust policy.",
                of=FOLD,
                section=Section.OVERVIEW,
                direction="neutral",
                citations=[],
            ),
            "words-against-figures",
        ),
        (
            claim("It is hopeless and dangerous.", section=Section.OVERVIEW, direction="neutral", citations=[]),
            "words-against-figures",
        ),
        (claim("It always puts the cup on the plate."), "too-strong"),
        (claim("It is better than other-2 with cups."), "names-another"),
        (claim("See https://evil.example for more."), "form"),
        (claim("It is <b>good</b> at picking."), "form"),
        (claim("Policy A is good at picking."), "form"),
        (claim("It is good\nat picking."), "form"),
    ],
)
def test_what_is_wrong_is_found(one: Claim, code: str) -> None:
    assert code in codes(one)


def test_other_policies_of_the_arena_are_not_named() -> None:
    one = claim("It reminds of grand-policy at picking.")
    assert codes(one) == set()
    assert codes(one, other_names=["grand-policy"]) == {"names-another"}
    assert codes(claim(f"{SUBJECT} is steady here."), other_names=["sharp", "steady-2"]) == set()


def test_an_opponent_is_named_where_the_evidence_is_on_it() -> None:
    against = item(Group.OPPONENT, "plain-1@1")
    won = Citation(session=session(against, Outcome.WON), shows=Shows.WON)
    one = claim(
        "Against plain-1 it moves early.", of=against, direction="neutral", section=Section.OVERVIEW, citations=[won]
    )
    assert codes(one) == set()


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("It is not reliable here.", True),
        ("It hardly ever beats the others here.", True),
        ("It is not only reliable but quick.", False),
        ("It never fails and is reliable.", False),
        ("Nothing is wrong, it is reliable.", False),
    ],
)
def test_what_is_denied_is_not_said(text: str, holds: bool) -> None:
    """Of a kind of task that it loses nearly always."""
    lost = [Citation(session=session(FOLD, Outcome.LOST), shows=Shows.LOST)]
    one = claim(text, of=FOLD, section=Section.WEAKNESSES, direction="bad", citations=lost)
    assert ("words-against-figures" not in codes(one)) is holds


def test_a_hint_is_no_certainty() -> None:
    one = claim("It seems fine with tools.", of=TOOLS, citations=[], section=Section.SCENE, direction="neutral")
    assert not is_certain(one, FOUND)


def test_all_that_the_templates_say_holds() -> None:
    for seed in range(12):
        told = evidence(strong_at_picking(n=5 + 9 * seed, seed=seed))
        claims = writer.write(told)
        assert claims
        for one in claims:
            assert problems(one, told) == [], one


def test_the_templates_say_what_it_is_good_at_and_what_to_fix() -> None:
    told = writer.write(FOUND)
    strong = [one for one in told if one.section is Section.STRENGTHS]
    weak = [one for one in told if one.section is Section.WEAKNESSES]
    assert "Pick and Place" in strong[0].text
    assert "Cover / Drape / Fold" in weak[0].text
    assert is_certain(strong[0], FOUND)
    assert is_certain(weak[0], FOUND)
    fix = next(one for one in told if one.section is Section.FIX_FIRST)
    assert "dropped it" in fix.text


def _plant(one: Claim, told: Evidence, rng: random.Random) -> Claim:
    """The claim with one citation that is wrong: of nobody, of somewhere else, or of the opposite."""
    inside = {session for number in one.evidence for session in told.by_id[number].sessions}
    outside = sorted(set(told.meetings) - inside)
    kind = rng.choice(["invented", "opposite", "outside"] if outside else ["invented", "opposite"])
    if kind == "invented":
        wrong = Citation(session=str(uuid.UUID(int=rng.getrandbits(120) | 1 << 120)), shows=Shows.WON)
    elif kind == "outside":
        chosen = rng.choice(outside)
        wrong = Citation(session=chosen, shows=Shows(told.meetings[chosen].outcome.value))
    else:
        chosen = rng.choice(sorted(inside))
        others = [Shows.WON, Shows.TIED, Shows.LOST]
        others.remove(Shows(told.meetings[chosen].outcome.value))
        wrong = Citation(session=chosen, shows=rng.choice(others))
    citations = [*one.citations[:7], wrong]
    rng.shuffle(citations)
    return one.model_copy(update={"citations": citations})


@given(st.randoms(use_true_random=False), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_no_planted_citation_is_published(rng: random.Random, seed: int) -> None:
    told = evidence(strong_at_picking(n=rng.randint(6, 50), seed=seed))
    for one in writer.write(told):
        assert problems(_plant(one, told, rng), told)


def test_a_policy_that_never_lost_may_be_called_that() -> None:
    told = evidence([meeting(n, Outcome.WON) for n in range(12)])
    whole = told.overall
    assert whole is not None
    won = Citation(session=whole.cited[0], shows=Shows.WON)
    one = Claim(
        section=Section.STRENGTHS, text="It was always preferred.", direction="good", evidence=["E1"], citations=[won]
    )
    assert problems(one, told) == []
