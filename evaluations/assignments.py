"""Assignments: a session is opened at a station with its task, and a pair is drawn for it after that."""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from random import SystemRandom
from typing import Any

from django.conf import settings
from django.contrib.postgres.aggregates import ArrayAgg
from django.db import transaction
from django.db.models.fields.json import KeyTextTransform

from arena import affiliations, audit, stakes
from arena.errors import AccessDenied, ArenaError, Conflict, TooMany
from arena.models import ClientKey, Endpoint, Person, PolicyVersion, Station
from evaluations import blinding, pairs, rubrics, trials
from evaluations.categories import intended_category
from evaluations.models import EvaluationRequest, Label, Session, Side, State, TaskCategory, Trial
from evaluations.pairing import Bench, Candidate, Draw, DrawKind, draw_pair, fits
from evaluations.requests import serving

INSTRUCTION_MAX_LENGTH = 2000
# Control, format (bidirectional marks among them) and private characters.
HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs"})
ZERO_WIDTH_JOINER = "\u200d"  # joins emoji, and is needed by some scripts


@transaction.atomic
def open_session(
    *,
    person: Person,
    station: Station,
    instruction: str,
    now: datetime,
    key: ClientKey | None = None,
    rubric: Sequence[Mapping[str, Any]] | None = None,
    training: bool = False,
    trial: Trial | None = None,
) -> Session:
    """A session at the station with the task as given and a pair drawn after it.

    One of a trial is a training session with the version under trial on one side, or on both.
    Without a rubric the template of its kind of task is kept with it; an empty one says that none was shown.
    A repeated call with the same task, before anything has run, returns the session that the first call opened: it is a
    double click, a client that lost the answer, or one that takes up what was begun in the browser.
    """
    instruction = clean_instruction(instruction)
    category = intended_category(instruction)
    stages = _rubric(category, rubric)
    # One assignment of a person at a time: two calls at once must not open two sessions for one task.
    person = Person.objects.select_for_update(of=("self",), no_key=True).get(pk=person.pk)
    _require_place(person, station)
    if trial is not None:
        trial, training = trials.require_station(trial=trial, station=station), True
    mine = list(Session.objects.open().filter(evaluator=person, station=station, lease_expires_at__gt=now))
    asked = (State.ASSIGNED, None, instruction, training, trial and trial.pk)
    for one in mine:
        if (one.state, one.active_at, one.instruction, one.training, one.trial_id) == asked:
            return one
    if len(mine) >= settings.MAX_OPEN_SESSIONS:
        raise TooMany(
            "too_many_open_sessions", "Too many of your sessions are open at this station; finish some first."
        )
    request = None
    if trial is not None:
        draw = _draw_for_trial(station, trial)
    else:
        draw, request = _draw(station, person, training=training, instruction=instruction, category=category, now=now)
    session = Session.objects.create(
        simulated=station.simulated,
        training=training,
        trial=trial,
        lab_id=station.lab_id,
        station=station,
        evaluator=person,
        key=key,
        embodiment_id=station.embodiment_id,
        instruction=instruction,
        rubric=[stage.as_json() for stage in stages],
        intended_category=category,
        opened_at=now,
        lease_expires_at=now + settings.SESSION_LEASE,
        pair_probability=draw.probability,
        pool_size=draw.pool_size,
        draw_kind=draw.kind,
        requested=request is not None,
        request=request,
    )
    _seat(session, draw)
    audit.record("session:opened", subject=f"session:{session.pk}", person=person, lab=station.lab, training=training)
    return session


def training_is_due(*, person: Person, station: Station) -> bool:
    """Whether this evaluator should first do a training session: new to the arena, and known policies to train with."""
    if not settings.TRAINING_REQUIRED or person.trained_at is not None:
        return False
    if Session.objects.valid().filter(evaluator=person).exists():
        return False
    return can_train(station)


def can_train(station: Station) -> bool:
    """Whether two known policies could be run at this station now."""
    return draw_pair(candidates(training=True), _bench(station), SystemRandom()) is not None


def require_training(*, person: Person, station: Station) -> None:
    """Raise a Conflict where this evaluator's first session must be a training session."""
    if training_is_due(person=person, station=station):
        raise Conflict(
            "training_first",
            "Your first session is a training session.",
            hint="It takes one short task against two known policies and counts nowhere.",
        )


def _rubric(category: TaskCategory, given: Sequence[Mapping[str, Any]] | None) -> tuple[rubrics.Stage, ...]:
    if given is None:
        return rubrics.rubric_for(category)
    return rubrics.clean_rubric(given) if given else ()


def _require_place(person: Person, station: Station) -> None:
    if not person.memberships.filter(lab=station.lab_id).exists():
        raise AccessDenied("not_a_member", f"Only members of {station.lab} open sessions at its stations.")
    if station.retired_at is not None:
        raise Conflict("station_retired", f"{station.name} is retired and opens no session.")


def _seat(session: Session, draw: Draw) -> None:
    Side.objects.bulk_create(
        Side(
            session=session,
            label=label,
            version_id=version_id,
            token_digest=blinding.token_digest(blinding.relay_token(session_id=session.pk, label=label)),
            wire_session_id=blinding.new_wire_session_id(),
        )
        for label, version_id in ((Label.A, draw.version_a), (Label.B, draw.version_b))
    )


def clean_instruction(instruction: str) -> str:
    """The instruction with plain blanks. Signs that hide or reorder text would show two people two tasks."""
    instruction = " ".join(instruction.split())
    if not instruction:
        raise ArenaError("instruction_missing", "Say what the robot is to do before a pair is drawn.")
    if len(instruction) > INSTRUCTION_MAX_LENGTH:
        raise ArenaError("instruction_too_long", f"The instruction is longer than {INSTRUCTION_MAX_LENGTH} characters.")
    if any(unicodedata.category(sign) in HIDDEN and sign != ZERO_WIDTH_JOINER for sign in instruction):
        raise ArenaError("instruction_unreadable", "The instruction holds characters that cannot be shown.")
    return instruction


def _draw(
    station: Station,
    evaluator: Person,
    *,
    training: bool,
    instruction: str,
    category: TaskCategory,
    now: datetime,
) -> tuple[Draw, EvaluationRequest | None]:
    """A pair for this station, without a policy of a lab with a stake, and the request that caused it, if one did.

    Training counts nowhere, so it bars no lab, serves no request, no pair tells more than another, and none measures
    the noise.
    """
    if training:
        drawn = draw_pair(candidates(training=True), _bench(station), SystemRandom())
        if drawn is None:
            raise Conflict(
                "no_training_pair", "There are no two known policies that this station could train with now."
            )
        return drawn, None
    pool = candidates()
    own = labs_of_session(station=station, evaluator=evaluator)
    bench = _bench(
        station,
        barred_labs=frozenset(own | affiliations.barred_labs(own)),
        barred_versions=stakes.versions_barred_to(own),
    )
    weights = pairs.weights()
    earlier = pairs.earlier_on_task(station=station, instruction=instruction, now=now)
    orders = serving.orders_at(station=station, category=category, now=now)
    owed = pairs.owed_by_lab_at(station, now=now)
    mix = pairs.mix_at(station)
    while True:
        draw = draw_pair(
            pool, bench, SystemRandom(), weights=weights, earlier=earlier, orders=orders, owed=owed, mix=mix
        )
        if draw is None:
            raise Conflict(
                "no_pair",
                "Fewer than two policies fit this station at the moment.",
                hint="They must be of a lab without a stake, for this robot and action space, and need no camera it "
                "lacks.",
            )
        if draw.order_id is None:
            return draw, None
        request = serving.claim(order_id=draw.order_id, station=station, now=now)
        if request is not None:
            return draw, request
        # Somebody else was given its last place just now.
        orders = [order for order in orders if order.order_id != draw.order_id]


def _draw_for_trial(station: Station, trial: Trial) -> Draw:
    """The version under trial and a known policy for practice that fits the station, or itself where there is none."""
    bench, rng = _bench(station), SystemRandom()
    mine = candidates(under_trial=trial.version_id)
    if not mine:
        name = trial.version.shown_label
        raise Conflict("trial_server_down", f"The server of {name} is not up.", hint="Its owner can check it.")
    if not fits(mine[0], bench):
        raise Conflict(
            "station_unfit",
            f"{station.name} does not fit {trial.version.shown_label}.",
            hint="It must have the robot, the cameras and the action space that the policy needs.",
        )
    known = [one.version_id for one in candidates(training=True) if fits(one, bench)]
    if not known:
        return Draw(trial.version_id, trial.version_id, probability=1.0, pool_size=1, kind=DrawKind.SAME_POLICY)
    beside = rng.choice(known)
    first, second = (trial.version_id, beside) if rng.random() < 0.5 else (beside, trial.version_id)
    return Draw(first, second, probability=1 / len(known) / 2, pool_size=len(known) + 1)


def labs_of_session(*, station: Station, evaluator: Person) -> frozenset[int]:
    """The station's lab, and every other that its evaluator belongs to."""
    return frozenset({station.lab_id, *evaluator.memberships.values_list("lab", flat=True)})


def _bench(
    station: Station, *, barred_labs: frozenset[int] = frozenset(), barred_versions: frozenset[int] = frozenset()
) -> Bench:
    return Bench(
        barred_labs=barred_labs,
        barred_versions=barred_versions,
        embodiment_id=station.embodiment_id,
        simulated=station.simulated,
        external_cameras=station.external_cameras,
        wrist_camera=station.has_wrist_camera,
        action_spaces=frozenset(station.action_spaces),
    )


def candidates(*, training: bool = False, under_trial: int | None = None) -> list[Candidate]:
    """Every version in the pool whose server is up: it was reached once, and was not found down since.

    For training only those of the policies that are known to be there for practice; for a trial only that version,
    which is not in the pool yet.
    """
    pool = PolicyVersion.Pool.ACTIVE if under_trial is None else PolicyVersion.Pool.TRIAL
    versions = PolicyVersion.objects.filter(pool=pool, endpoint__health=Endpoint.Health.UP)
    if under_trial is not None:
        versions = versions.filter(pk=under_trial)
    if training:
        versions = versions.filter(policy__practice=True)
    # A policy's versions, and often a lab's policies, need the same: a row for all of them is less to read.
    needs = {f"needed_{key}": KeyTextTransform(key, "endpoint__metadata") for key in _NEEDED}
    columns = ("policy__lab", "embodiment", "policy__simulated", *needs)
    alike = versions.order_by().annotate(**needs).values_list(*columns).annotate(ids=ArrayAgg("pk"))
    return [
        candidate
        for lab_id, embodiment_id, simulated, cameras, wrist, space, ids in alike
        for candidate in _alike(tuple(ids), lab_id, embodiment_id, simulated, *_needs(cameras, wrist, space))
    ]


_NEEDED = ("n_external_cameras", "needs_wrist_camera", "action_space")


def _needs(cameras: str | None, wrist: str | None, space: str | None) -> tuple[int, bool, str]:
    """From the server's metadata, as JSON texts; where it does not say, as the protocol has it."""
    return int(cameras or 1), wrist != "false", space or ""


@lru_cache(maxsize=1024)
def _alike(
    version_ids: tuple[int, ...],
    lab_id: int | None,
    embodiment_id: int,
    simulated: bool,
    external_cameras: int,
    wrist_camera: bool,
    action_space: str,
) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(
            version_id=version_id,
            lab_id=lab_id,
            embodiment_id=embodiment_id,
            simulated=simulated,
            external_cameras=external_cameras,
            wrist_camera=wrist_camera,
            action_space=action_space,
        )
        for version_id in version_ids
    )
