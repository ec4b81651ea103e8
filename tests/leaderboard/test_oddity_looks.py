"""The whole look, from sessions in PostgreSQL to what a steward sees: honest labs are left alone, offenders found."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from django.db import transaction
from django.utils import timezone

from arena.models import Lab, Person, PolicyVersion, Role, Station
from evaluations.models import Episode, Label, Preference, Result, Session, Side, State
from evaluations.pairing import DrawKind
from evaluations.scopes import REAL
from leaderboard import oddities, snapshots
from leaderboard.boards import Board
from leaderboard.models import Oddity, OddityLook
from leaderboard.oddity_checks import CLEAR_DIFFERENCE, QUICK_S, SIDE_SHARE, Check
from leaderboard.ranking.comparisons import FloatArray
from tests.factories import make_lab, make_person, make_station, make_version

LABS, POLICIES, EACH = 5, 5, 100
pytestmark = pytest.mark.slow

START = timezone.now() - timedelta(days=30)
# Honest looks, and how many of these may raise an alarm: where 5 of 100 do, more have a chance of 2 in 100.
LOOKS, ALARMS = 12, 2
ODD = 0
# Checks of one policy with itself see so many such sessions, far more than in an arena, so that fewer sessions do.
TWICE, SELDOM_TWICE = 0.5, 0.1


@dataclass(frozen=True)
class World:
    versions: list[PolicyVersion]
    labs: list[Lab]
    stations: list[Station]
    evaluators: list[tuple[Person, Person]]


@dataclass(frozen=True)
class Deed:
    """What one session will say. steps: of side A and of B."""

    lab: int
    a: int
    b: int
    evaluator: int
    preference: Preference
    progress: tuple[float, float]
    state: State = State.SUBMITTED
    seconds: float = 600.0
    steps: tuple[int, int] = (400, 400)
    success: tuple[bool, bool] = (False, False)


@dataclass(frozen=True)
class Habits:
    """Of each lab: log of the tie parameter, advantage of side A, length of rollouts; and how it likes each policy."""

    ties: list[float]
    side: list[float]
    length: list[float]
    taste: list[list[float]] = field(repr=False)

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Habits":
        return cls(
            ties=rng.normal(0, 0.3, LABS).tolist(),
            side=rng.uniform(-0.3, 0.3, LABS).tolist(),
            length=rng.uniform(0.8, 1.25, LABS).tolist(),
            taste=rng.normal(0, 0.25, (LABS, POLICIES)).tolist(),
        )


@pytest.fixture
def world(db: None) -> World:
    owners = make_lab()
    labs = [make_lab() for _ in range(LABS)]
    return World(
        versions=[make_version(lab=owners) for _ in range(POLICIES)],
        labs=labs,
        stations=[make_station(lab=lab) for lab in labs],
        evaluators=[(_evaluator(lab), _evaluator(lab)) for lab in labs],
    )


def _evaluator(lab: Lab) -> Person:
    return make_person(f"{uuid.uuid4()}@example.org", lab=lab, role=Role.EVALUATOR)


def honest(rng: np.random.Generator, *, twice: float = TWICE) -> list[Deed]:
    """Labs that differ in their habits of ties, sides and lengths, and in how policies do there; nothing else is odd.

    Policy 0 is the weakest, and the last the ablest."""
    habits, theta = Habits.drawn(rng), np.sort(rng.normal(0, 1.2, POLICIES))
    return [_deed(rng, lab, habits, theta.tolist(), twice) for lab in range(LABS) for _ in range(EACH)]


def _deed(rng: np.random.Generator, lab: int, habits: Habits, theta: list[float], twice: float) -> Deed:
    a, b = (int(one) for one in rng.choice(POLICIES, size=2, replace=False))
    b = a if rng.random() < twice else b
    skill = [theta[one] + habits.taste[lab][one] for one in (a, b)]
    weights = np.exp([(skill[0] - skill[1]) / 2 + habits.side[lab] / 2, np.log(2) + habits.ties[lab], 0])
    weights[2] = 1 / weights[0]
    preference = list(Preference)[int(rng.choice(3, p=_in_order(weights)))]
    luck = {Preference.A: 0.8, Preference.TIE: 0.0, Preference.B: -0.8}[preference]
    progress = [
        float(1 / (1 + np.exp(-one - sign * luck - rng.normal(0, 0.8))))
        for one, sign in zip(skill, (1, -1), strict=True)
    ]
    steps = [int(rng.lognormal(6, 0.35) * habits.length[lab]) for _ in range(2)]
    return Deed(
        lab=lab,
        a=a,
        b=b,
        evaluator=int(rng.integers(2)),
        preference=preference,
        progress=(progress[0], progress[1]),
        state=State(rng.choice([State.SUBMITTED, State.ABANDONED, State.EXPIRED], p=[0.9, 0.06, 0.04])),
        seconds=float(rng.uniform(200, 900)),
        steps=(steps[0], steps[1]),
        success=(progress[0] > 0.9, progress[1] > 0.9),
    )


def _in_order(weights: FloatArray) -> FloatArray:
    """Chances of A, B and a tie, as `Preference` has them."""
    chances: FloatArray = weights[[0, 2, 1]] / weights.sum()
    return chances


def keep(world: World, deeds: list[Deed]) -> list[Session]:
    """As rows, past the domain's verbs, which would take minutes."""
    sessions = [_session(world, deed, START + timedelta(minutes=20 * k)) for k, deed in enumerate(deeds)]
    Session.objects.bulk_create(sessions)
    sides = [
        Side(session=session, label=label, version=world.versions[version])
        for session, deed in zip(sessions, deeds, strict=True)
        for label, version in zip(Label, (deed.a, deed.b), strict=True)
    ]
    Side.objects.bulk_create(sides)
    submitted = [(s, d) for s, d in zip(sessions, deeds, strict=True) if d.state == State.SUBMITTED]
    Result.objects.bulk_create(
        Result(session=session, preference=deed.preference, submitted_at=session.closed_at or START)
        for session, deed in submitted
    )
    by_side = {(side.session_id, side.label): side for side in sides}
    Episode.objects.bulk_create(
        Episode(
            side=by_side[session.pk, label],
            progress=deed.progress[k],
            success=deed.success[k],
            duration_steps=deed.steps[k],
        )
        for session, deed in submitted
        for k, label in enumerate(Label)
    )
    return sessions


def _session(world: World, deed: Deed, opened_at: datetime) -> Session:
    closed_at = opened_at + timedelta(seconds=deed.seconds)
    return Session(
        state=deed.state,
        valid=True if deed.state == State.SUBMITTED else None,
        lab=world.labs[deed.lab],
        station=world.stations[deed.lab],
        evaluator=world.evaluators[deed.lab][deed.evaluator],
        embodiment_id=world.stations[deed.lab].embodiment_id,
        instruction="put the cup on the plate",
        opened_at=opened_at,
        closed_at=closed_at,
        revealed_at=closed_at,
        pair_probability=0.1,
        draw_kind=(DrawKind.SAME_POLICY if deed.a == deed.b else DrawKind.NORMAL).value,
    )


def look() -> int:
    snapshots.recompute(board=Board(REAL), now=timezone.now())
    return oddities.write(now=timezone.now())


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def at_the_limit(rng: np.random.Generator, deeds: list[Deed]) -> list[Deed]:
    """Where one policy is on both sides, every lab prefers A as often as a habit may."""
    called = {Preference.A: SIDE_SHARE, Preference.B: 1 - SIDE_SHARE}
    return [
        replace(deed, preference=Preference(rng.choice(list(called), p=list(called.values()))))
        if deed.a == deed.b and deed.preference != Preference.TIE
        else deed
        for deed in deeds
    ]


def test_honest_labs_seldom_raise_an_alarm(world: World) -> None:
    alarms, checked = 0, set()
    for seed in range(LOOKS):
        rng = np.random.default_rng(seed)
        with undone():
            keep(world, at_the_limit(rng, honest(rng)))
            alarms += bool(look())
            checked |= {Check(one["check"]) for one in OddityLook.objects.get(board="overall").findings if one["p"]}
    assert checked == set(Check)
    assert alarms <= ALARMS


Offence = Callable[[np.random.Generator, Deed], Deed]


def of_the_odd_lab(change: Offence) -> Offence:
    return lambda rng, deed: change(rng, deed) if deed.lab == ODD else deed


def turned(rng: np.random.Generator, deed: Deed) -> Deed:
    """The weaker policy is preferred."""
    return replace(deed, preference=Preference.A if deed.a < deed.b else Preference.B)


def tied(rng: np.random.Generator, deed: Deed) -> Deed:
    """One evaluator of the lab calls ties, the other none."""
    if deed.evaluator == 0:
        return replace(deed, preference=Preference.TIE)
    return replace(deed, preference=Preference.B) if deed.preference == Preference.TIE else deed


def for_side_a(rng: np.random.Generator, deed: Deed) -> Deed:
    return replace(deed, preference=Preference.A) if deed.a != deed.b else deed


def hasty(rng: np.random.Generator, deed: Deed) -> Deed:
    return replace(deed, seconds=45.0) if rng.random() < 0.6 else deed


def unwilling(rng: np.random.Generator, deed: Deed) -> Deed:
    """Half of what is not wanted is given up, the other half left to run out."""
    if 3 in (deed.a, deed.b):
        return replace(deed, state=State(rng.choice([State.ABANDONED, State.EXPIRED])))
    return deed


def running_out(rng: np.random.Generator, deed: Deed) -> Deed:
    return replace(deed, state=State.EXPIRED if 3 in (deed.a, deed.b) else State.SUBMITTED)


def contrary(rng: np.random.Generator, deed: Deed) -> Deed:
    return replace(deed, progress=(0.2, 0.8) if deed.preference == Preference.A else (0.8, 0.2))


def seeing_ghosts(rng: np.random.Generator, deed: Deed) -> Deed:
    """One policy is told from itself, whichever side it is on."""
    preference = Preference(rng.choice([Preference.A, Preference.B]))
    return replace(deed, preference=preference) if deed.a == deed.b else deed


def one_sided(rng: np.random.Generator, deed: Deed) -> Deed:
    return replace(deed, preference=Preference.A) if deed.a == deed.b else deed


def impatient(rng: np.random.Generator, deed: Deed) -> Deed:
    steps = [60 if version == 2 else one for version, one in zip((deed.a, deed.b), deed.steps, strict=True)]
    return replace(deed, steps=(steps[0], steps[1]))


def of_a_pair(rng: np.random.Generator, deed: Deed) -> Deed:
    """Everybody prefers the weakest policy to the ablest, and to no other."""
    if {deed.a, deed.b} != {0, POLICIES - 1}:
        return deed
    return replace(deed, preference=Preference.A if deed.a == 0 else Preference.B)


OFFENCES: dict[str, tuple[Offence, Check]] = {
    "turned": (of_the_odd_lab(turned), Check.RESIDUALS),
    "tied": (of_the_odd_lab(tied), Check.TIES),
    "for side A": (of_the_odd_lab(for_side_a), Check.SIDE),
    "hasty": (of_the_odd_lab(hasty), Check.QUICK),
    "unwilling": (of_the_odd_lab(unwilling), Check.GIVEN_UP),
    "running out": (of_the_odd_lab(running_out), Check.GIVEN_UP),
    "contrary": (of_the_odd_lab(contrary), Check.CONTRADICTION),
    "seeing ghosts": (of_the_odd_lab(seeing_ghosts), Check.SAME_POLICY),
    "one-sided": (of_the_odd_lab(one_sided), Check.SAME_POLICY_SIDE),
    "impatient": (of_the_odd_lab(impatient), Check.SHORT),
    "of a pair": (of_a_pair, Check.PAIR),
}


def test_there_is_an_offence_for_every_check() -> None:
    assert {check for _, check in OFFENCES.values()} == set(Check)


@pytest.mark.parametrize("offence", OFFENCES)
def test_a_planted_offender_is_found(world: World, offence: str) -> None:
    rng = np.random.default_rng(1)
    change, check = OFFENCES[offence]
    twice = TWICE if check in (Check.SAME_POLICY, Check.SAME_POLICY_SIDE) else SELDOM_TWICE
    deeds = [change(rng, deed) for deed in honest(rng, twice=twice)]
    sessions = keep(world, deeds)
    assert look() > 0
    lab, pair = world.labs[ODD], sorted(world.versions[version].label for version in (0, POLICIES - 1))
    names = {lab.slug, *(person.pseudonym for person in world.evaluators[ODD]), " against ".join(pair)}
    found = Oddity.objects.filter(check_name=check.value)
    assert found
    assert {oddity.name for oddity in found} <= names
    for oddity in found:
        told = {session for session, deed in zip(sessions, deeds, strict=True) if _is_told(world, oddity, deed)}
        assert set(oddities.sessions_of(oddity)) == told
        assert told


def _is_told(world: World, oddity: Oddity, deed: Deed) -> bool:
    """Whether a session with this deed is one of those that the oddity is made of."""
    people = world.evaluators[deed.lab]
    if oddity.kind != "pair" and oddity.name not in (world.labs[deed.lab].slug, people[deed.evaluator].pseudonym):
        return False
    return TOLD[Check(oddity.check_name)](deed) and (deed.state == State.SUBMITTED or oddity.check_name == "abandoned")


def _is_counted(deed: Deed) -> bool:
    return deed.a != deed.b


def _is_contrary(deed: Deed) -> bool:
    ahead = deed.progress[0] - deed.progress[1]
    against = Preference.B if ahead > 0 else Preference.A
    return abs(ahead) >= CLEAR_DIFFERENCE and deed.preference == against


TOLD: dict[Check, Callable[[Deed], bool]] = {
    Check.RESIDUALS: _is_counted,
    Check.TIES: _is_counted,
    Check.SIDE: _is_counted,
    Check.QUICK: lambda deed: deed.seconds < QUICK_S,
    Check.GIVEN_UP: lambda deed: deed.state != State.SUBMITTED and 3 in (deed.a, deed.b),
    Check.CONTRADICTION: _is_contrary,
    Check.SAME_POLICY: lambda deed: deed.a == deed.b and deed.preference != Preference.TIE,
    Check.SAME_POLICY_SIDE: lambda deed: deed.a == deed.b and deed.preference == Preference.A,
    Check.SHORT: lambda deed: 60 in deed.steps,
    Check.PAIR: lambda deed: {deed.a, deed.b} == {0, POLICIES - 1},
}
