"""The life of a session: opened with a drawn pair, run, submitted; or expired, or abandoned.

Every move is one guarded transition. A repeated call is answered with the first outcome.
"""

import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import SystemRandom

from django.conf import settings
from django.db import transaction

from arena import audit
from arena.errors import AccessDenied, ArenaError, Conflict, NotFound, TooMany
from arena.jobs import Job, enqueue
from arena.models import ClientKey, Endpoint, Person, PolicyVersion, Station
from evaluations import blinding
from evaluations.categories import intended_category
from evaluations.models import (
    Episode,
    Exclusion,
    Label,
    Preference,
    Result,
    Session,
    Side,
    State,
)
from evaluations.pairing import Bench, Candidate, Draw, draw_pair
from evaluations.reasons import Reason

INSTRUCTION_MAX_LENGTH = 2000
REASON_MAX_LENGTH = 40
# Control, format (bidirectional marks among them) and private characters.
HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs"})
ZERO_WIDTH_JOINER = "\u200d"  # joins emoji, and is needed by some scripts


@dataclass(frozen=True)
class Judgement:
    """What an evaluator says at the end of a session."""

    preference: Preference | None
    notes: str
    valid: bool
    raw_notes: str = ""
    readable: bool = True


@transaction.atomic
def open_session(*, key: ClientKey, instruction: str, now: datetime) -> Session:
    """A session at the key's station with the task as given and a pair drawn after it.

    A repeated call with the same task, before anything has run, returns the session that the first call opened.
    """
    instruction = _clean_instruction(instruction)
    key = ClientKey.objects.select_for_update(of=("self",)).select_related("station__lab", "person").get(pk=key.pk)
    mine = Session.objects.open().filter(key=key, lease_expires_at__gt=now)
    repeated = mine.filter(state=State.ASSIGNED, active_at__isnull=True, instruction=instruction).first()
    if repeated is not None:
        return repeated
    if mine.count() >= settings.MAX_OPEN_SESSIONS:
        raise TooMany("too_many_open_sessions", "Too many sessions are open with this access code; finish some first.")
    draw = _draw(key.station, key.person)
    session = Session.objects.create(
        simulated=key.station.simulated,
        lab=key.station.lab,
        station=key.station,
        evaluator=key.person,
        key=key,
        embodiment_id=key.station.embodiment_id,
        instruction=instruction,
        intended_category=intended_category(instruction),
        opened_at=now,
        lease_expires_at=now + settings.SESSION_LEASE,
        pair_probability=draw.probability,
        pool_size=draw.pool_size,
    )
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
    audit.record("session:opened", subject=f"session:{session.pk}", person=key.person, lab=session.lab)
    return session


def record_activity(*, session_ids: Sequence[uuid.UUID], now: datetime) -> None:
    """Something ran in these sessions: start those that wait, extend every lease that has not run out."""
    running = Session.objects.open().filter(pk__in=session_ids, lease_expires_at__gt=now)
    running.update(state=State.RUNNING, active_at=now, lease_expires_at=now + settings.SESSION_LEASE)


@transaction.atomic
def submit(*, session: Session, judgement: Judgement, now: datetime) -> Session:
    """End an open session with its evaluator's judgement.

    A session that has ended is returned as it is. A judgement that comes too late is kept beside it all the same.
    """
    session = lock(session=session, now=now)
    if session.state == State.SUBMITTED or session.results.exists():
        return session
    Result.objects.create(
        session=session,
        preference=judgement.preference or "",
        notes=judgement.notes,
        raw_notes=judgement.raw_notes,
        submitted_at=now,
    )
    if not session.is_open:
        audit.record("session:judged-late", subject=f"session:{session.pk}", person=session.evaluator, lab=session.lab)
        return session
    reason = _why_invalid(session, judgement)
    return _close(session, state=State.SUBMITTED, valid=reason is None, reason=reason, now=now, by=session.evaluator)


@transaction.atomic
def abandon(*, session: Session, now: datetime, by: Person | None = None) -> Session:
    """The evaluator gives an open session up. A session that has ended is returned as it is."""
    session = lock(session=session, now=now)
    if not session.is_open:
        return session
    return _close(session, state=State.ABANDONED, reason=Reason.EVALUATOR_LEFT, now=now, by=by)


def expire_overdue(*, now: datetime) -> int:
    """Close every open session whose lease ran out before `now`; safe to run at any time, by any number at once."""
    expired = 0
    overdue = Session.objects.open().filter(lease_expires_at__lte=now)
    for pk in overdue.values_list("pk", flat=True):
        with transaction.atomic():
            # A session that somebody is working on at this moment is left to them, or to the next sweep.
            session = overdue.select_for_update(of=("self",), skip_locked=True).filter(pk=pk).first()
            if session is not None:
                _close(session, state=State.EXPIRED, reason=Reason.LEASE_EXPIRED, now=now)
                expired += 1
    return expired


@transaction.atomic
def exclude(*, session: Session, reason: str, comment: str, by: Person) -> Exclusion:
    """Keep a valid session out of every board from now on, with a reason that the public can read."""
    if not by.is_staff:
        raise AccessDenied("not_a_steward", "Only a steward excludes sessions.")
    if not reason.strip() or not comment.strip() or len(reason.strip()) > REASON_MAX_LENGTH:
        raise ArenaError(
            "reason_missing",
            f"An exclusion needs a reason of at most {REASON_MAX_LENGTH} characters and a comment; both are published.",
        )
    session = Session.objects.select_for_update(of=("self",)).get(pk=session.pk)
    if not (session.state == State.SUBMITTED and session.valid):
        raise Conflict("session_not_counted", "Only a valid session can be excluded.")
    exclusion, created = Exclusion.objects.get_or_create(
        session=session, defaults={"reason": reason.strip(), "comment": comment.strip(), "person": by}
    )
    if created:
        audit.record("session:excluded", subject=f"session:{session.pk}", person=by, lab=session.lab, reason=reason)
        enqueue(Job.RECOMPUTE_BOARDS)
    return exclusion


def lock(*, session: Session, now: datetime) -> Session:
    """The session's row, locked for this transaction. One whose lease has run out is expired here and now."""
    session = Session.objects.select_for_update(of=("self",)).get(pk=session.pk)
    if session.lease_expires_at is not None and session.lease_expires_at <= now:
        return _close(session, state=State.EXPIRED, reason=Reason.LEASE_EXPIRED, now=now)
    return session


def find_own(*, session_id: str, key: ClientKey) -> Session:
    """The session of that id if this key opened it; otherwise there is no such session."""
    try:
        wanted = uuid.UUID(session_id)
    except ValueError:
        wanted = None
    session = Session.objects.filter(pk=wanted, key=key).first() if wanted else None
    if session is None:
        raise NotFound("session_unknown", "You have no session with this id.")
    return session


def _close(
    session: Session,
    *,
    state: State,
    now: datetime,
    valid: bool | None = None,
    reason: Reason | None = None,
    by: Person | None = None,
) -> Session:
    session.state, session.valid, session.reason = state, valid, reason or ""
    session.closed_at, session.lease_expires_at = now, None
    session.save(update_fields=["state", "valid", "reason", "closed_at", "lease_expires_at"])
    subject = f"session:{session.pk}"
    audit.record(f"session:{state}", subject=subject, person=by, lab=session.lab, valid=valid, reason=session.reason)
    enqueue(Job.RECOMPUTE_BOARDS)
    return session


def _why_invalid(session: Session, judgement: Judgement) -> Reason | None:
    if not judgement.readable:
        return Reason.NOTES_UNREADABLE
    if not judgement.valid:
        return Reason.MARKED_INVALID
    if Episode.objects.filter(side__session=session).count() < len(Label):
        return Reason.EPISODES_MISSING
    if judgement.preference is None:
        return Reason.PREFERENCE_MISSING
    return None


def _clean_instruction(instruction: str) -> str:
    """The instruction with plain blanks. Signs that hide or reorder text would show two people two tasks."""
    instruction = " ".join(instruction.split())
    if not instruction:
        raise ArenaError("instruction_missing", "Say what the robot is to do before a pair is drawn.")
    if len(instruction) > INSTRUCTION_MAX_LENGTH:
        raise ArenaError("instruction_too_long", f"The instruction is longer than {INSTRUCTION_MAX_LENGTH} characters.")
    if any(unicodedata.category(sign) in HIDDEN and sign != ZERO_WIDTH_JOINER for sign in instruction):
        raise ArenaError("instruction_unreadable", "The instruction holds characters that cannot be shown.")
    return instruction


def _draw(station: Station, evaluator: Person) -> Draw:
    """A pair for this station, without a policy of its lab or of any other lab that its evaluator belongs to."""
    bench = Bench(
        barred_labs=frozenset({station.lab_id, *evaluator.memberships.values_list("lab", flat=True)}),
        embodiment_id=station.embodiment_id,
        simulated=station.simulated,
        external_cameras=station.external_cameras,
        wrist_camera=station.has_wrist_camera,
    )
    draw = draw_pair(candidates(), bench, SystemRandom())
    if draw is None:
        raise Conflict(
            "no_pair",
            "Fewer than two policies fit this station at the moment.",
            hint="They must be of another lab, of this robot, and need no camera that the station lacks.",
        )
    return draw


def candidates() -> list[Candidate]:
    """Every version in the pool whose server is up: it was reached once, and was not found down since."""
    versions = PolicyVersion.objects.filter(
        pool=PolicyVersion.Pool.ACTIVE, endpoint__health=Endpoint.Health.UP
    ).select_related("policy", "endpoint")
    return [_candidate(version) for version in versions]


def _candidate(version: PolicyVersion) -> Candidate:
    metadata = version.endpoint.metadata or {}
    return Candidate(
        version_id=version.pk,
        lab_id=version.policy.lab_id,
        embodiment_id=version.embodiment_id,
        simulated=version.policy.simulated,
        external_cameras=metadata.get("n_external_cameras", 1),
        wrist_camera=metadata.get("needs_wrist_camera", True),
    )
