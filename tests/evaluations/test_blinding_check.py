import pytest
from django.test import Client
from django.utils import timezone

from evaluations import guesses, scopes, sessions
from evaluations.blinding_check import BlindingCheck, blinding_check
from evaluations.guesses import HitRate
from evaluations.intervals import wilson_interval
from evaluations.models import Preference, Session
from evaluations.sessions import Judgement
from tests.factories import Arena, make_arena, open_session, upload_episode


def guessed(arena: Arena, *, right: bool) -> None:
    """A revealed session whose evaluator named the policy of A, rightly or not."""
    session: Session = open_session(arena)
    for label in ("A", "B"):
        upload_episode(session, label)  # type: ignore[arg-type]
    judgement = Judgement(preference=Preference.A, notes="", valid=True)
    session = sessions.submit(session=session, judgement=judgement, now=timezone.now(), veiled=True)
    of_a = session.sides.get(label="A").version.policy.slug
    wrong = next(version.policy.slug for version in arena.versions if version.policy.slug != of_a)
    guesses.answer(session=session, policy_a=of_a if right else wrong, policy_b=None, now=timezone.now())


# The last is the example of R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872.
@pytest.mark.parametrize(
    ("hits", "named", "low", "high"), [(0, 10, 0.0, 0.27753), (5, 10, 0.23659, 0.76341), (81, 263, 0.25527, 0.36621)]
)
def test_the_interval_is_wilsons(hits: int, named: int, low: float, high: float) -> None:
    assert wilson_interval(hits, named) == pytest.approx((low, high), abs=1e-4)


def test_nobody_has_guessed_yet(client: Client, db: None) -> None:
    assert client.get("/method").content.decode().count("Nobody has named a policy") == 2


def test_the_hit_rate_stands_beside_chance_for_each_body_of_evidence(client: Client, db: None) -> None:
    real, simulated = make_arena(policies_in_pool=4), make_arena(policies_in_pool=2, simulated=True)
    for right in (True, False, False):
        guessed(real, right=right)
    guessed(simulated, right=True)
    page = client.get("/method").content.decode()
    assert "3 in 3 sessions" in page
    assert "1, that is 33 % (95 % interval 6 to 79 %)" in page
    assert "25 %" in page
    assert "1 in 1 session<" in page
    assert "1, that is 100 %" in page
    assert blinding_check(scopes.REAL).found.named == 3


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(30, 60, "the blinding leaks"), (10, 40, "chance alone may give"), (5, 20, "less often than chance")],
)
def test_the_sentence_follows_the_figures(low: float, high: float, words: str) -> None:
    found = HitRate(sessions=9, named=9, hits=3, by_chance=2.25)
    assert words in BlindingCheck(scopes.REAL, found, 33, low, high, 25).sentence
