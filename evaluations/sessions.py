"""The life of a session: opened with a drawn pair, run, submitted; or expired, or abandoned.

Every move is one guarded transition. A repeated call is answered with the first outcome.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from arena import audit
from arena.errors import AccessDenied, ArenaError, Conflict, NotFound
from arena.jobs import Job, enqueue
from arena.models import ClientKey, Membership, Person
from evaluations import decisions, reminders
from evaluations.models import Episode, Exclusion, Label, Preference, Result, Session, State
from evaluations.reasons import ABANDON_REASONS, INVALID_REASONS, Reason
from evaluations.requests import orders

REASON_MAX_LENGTH = 40
COMMENT_MAX_LENGTH = 500
GUESS_WINDOW = timedelta(minutes=10)
"""How long the policies stay unnamed after a judgement while its evaluator is asked who they were."""


@dataclass(frozen=True)
class Judgement:
    """What an evaluator says at the end of a session; `invalid_reason` where it is not to count."""

    preference: Preference | None
    notes: str
    valid: bool
    raw_notes: str = ""
    readable: bool = True
    invalid_reason: Reason = Reason.MARKED_INVALID
    comment: str = ""


@transaction.atomic
def record_activity(*, session_ids: Sequence[uuid.UUID], now: datetime) -> None:
    """Something ran in these sessions: start those that wait, extend every lease that has not run out."""
    running = Session.objects.open().filter(pk__in=session_ids, lease_expires_at__gt=now)
    waiting = running.filter(state=State.ASSIGNED).select_related("lab", "evaluator")
    for session in waiting.select_for_update(of=("self",)).order_by("pk"):
        audit.record("session:started", subject=f"session:{session.pk}", person=session.evaluator, lab=session.lab)
    running.update(state=State.RUNNING, active_at=now, lease_expires_at=now + settings.SESSION_LEASE)


def extend(*, session: Session, now: datetime) -> Session:
    """Somebody is at it: the lease of an open session runs anew from now. One that has ended stays as it is."""
    living = Session.objects.open().filter(pk=session.pk, lease_expires_at__gt=now)
    living.update(lease_expires_at=now + settings.SESSION_LEASE)
    return Session.objects.get(pk=session.pk)


@transaction.atomic
def submit(*, session: Session, judgement: Judgement, now: datetime, veiled: bool = False) -> Session:
    """End an open session with its evaluator's judgement.

    A veiled one is not published yet: its evaluator is asked first which policies these were. A session that has ended
    is returned as it is. A judgement that comes too late is kept beside it all the same.
    """
    session = lock(session=session, now=now)
    if session.state == State.SUBMITTED or session.results.exists():
        return session
    if session.is_open:
        require_member(session)
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
    if session.training and session.trial_id is None:
        _record_training(session, now)
    return _close(
        session,
        state=State.SUBMITTED,
        valid=reason is None,
        reason=reason,
        comment=judgement.comment if reason in INVALID_REASONS else "",
        now=now,
        by=session.evaluator,
        # Who tries a version knows which one: there is nothing to guess.
        veiled=veiled and session.trial_id is None,
    )


@transaction.atomic
def abandon(
    *, session: Session, now: datetime, by: Person, reason: str = Reason.EVALUATOR_LEFT, comment: str = ""
) -> Session:
    """The evaluator gives an open session up, and says why. A session that has ended is returned as it is."""
    if reason not in ABANDON_REASONS:
        raise ArenaError(
            "bad_reason", "This is no reason for giving a session up.", hint=f"Known are {', '.join(ABANDON_REASONS)}."
        )
    session = lock(session=session, now=now)
    if not session.is_open:
        return session
    comment = clean_comment(comment)
    return _close(session, state=State.ABANDONED, reason=Reason(reason), comment=comment, now=now, by=by)


@transaction.atomic
def reveal(*, session: Session, now: datetime, by: Person | None = None) -> Session:
    """Publish a session that has ended; by itself, where nobody asked for it. A repeat changes nothing."""
    session = Session.objects.select_for_update(of=("self",)).get(pk=session.pk)
    if session.is_open:
        raise Conflict("session_open", "This session has not ended yet.")
    if session.revealed_at is None:
        session.revealed_at = now
        session.save(update_fields=["revealed_at"])
        audit.record("session:revealed", subject=f"session:{session.pk}", person=by, lab=session.lab)
        _tell_what_waited(session)
        enqueue(Job.RECOMPUTE_BOARDS)
    return session


def reveal_overdue(*, now: datetime) -> int:
    """Publish what was judged long enough ago, whether or not the question was answered; safe to run at any time."""
    veiled = Session.objects.filter(revealed_at=None, closed_at__lte=now - GUESS_WINDOW)
    revealed = [reveal(session=session, now=now) for session in veiled]
    return len(revealed)


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
        orders.undo(session=session, reason=exclusion.reason, by=by)
        why = {"reason": exclusion.reason, "comment": exclusion.comment}
        audit.record("session:excluded", subject=f"session:{session.pk}", person=by, lab=session.lab, **why)
        decisions.tell_excluded(exclusion)
        enqueue(Job.RECOMPUTE_BOARDS)
    elif not exclusion.stands:
        raise Conflict(
            "exclusion_lifted", "This session was excluded before, and the exclusion was lifted: that stands."
        )
    return exclusion


def lock(*, session: Session, now: datetime) -> Session:
    """The session's row, locked for this transaction. One whose lease has run out is expired here and now."""
    session = Session.objects.select_for_update(of=("self",)).get(pk=session.pk)
    if session.lease_expires_at is not None and session.lease_expires_at <= now:
        return _close(session, state=State.EXPIRED, reason=Reason.LEASE_EXPIRED, now=now)
    return session


def require_member(session: Session) -> None:
    """Whoever has left the lab, or was removed from it, can give its open sessions up, and nothing else."""
    if not Membership.objects.filter(person=session.evaluator_id, lab=session.lab_id).exists():
        raise AccessDenied("not_a_member", f"You are no member of {session.lab} any more.")


def ended() -> Conflict:
    return Conflict("session_ended", "This session has ended.", hint="Start a new one.")


def find_own(*, session_id: str, key: ClientKey) -> Session:
    """The session of that id if it is of the key's person at the key's station; otherwise there is no such session."""
    try:
        wanted = uuid.UUID(session_id)
    except ValueError:
        wanted = None
    session = Session.objects.filter(pk=wanted, evaluator=key.person, station=key.station).first() if wanted else None
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
    comment: str = "",
    by: Person | None = None,
    veiled: bool = False,
) -> Session:
    session.state, session.valid, session.reason, session.reason_comment = state, valid, reason or "", comment
    session.closed_at, session.lease_expires_at = now, None
    session.revealed_at = None if veiled else now
    session.save(
        update_fields=["state", "valid", "reason", "reason_comment", "closed_at", "lease_expires_at", "revealed_at"]
    )
    orders.settle(session=session, now=now)
    if state == State.EXPIRED:
        reminders.tell_expired(session)
    subject = f"session:{session.pk}"
    audit.record(f"session:{state}", subject=subject, person=by, lab=session.lab, valid=valid, reason=session.reason)
    enqueue(Job.RECOMPUTE_BOARDS)
    return session


def _tell_what_waited(session: Session) -> None:
    """What could not be told before the reveal."""
    if hasattr(session, "exclusion"):
        decisions.tell_excluded(session.exclusion)
    if session.request_id is not None:
        orders.tell_done(session.request_id)


def _record_training(session: Session, now: datetime) -> None:
    """Whoever has brought one training session to its end is no newcomer any more."""
    Person.objects.filter(sessions=session, trained_at=None).update(trained_at=now)


def clean_comment(comment: str) -> str:
    comment = " ".join(comment.split())
    if len(comment) > COMMENT_MAX_LENGTH:
        raise ArenaError("comment_too_long", f"The comment is longer than {COMMENT_MAX_LENGTH} characters.")
    if "\x00" in comment:
        raise ArenaError("comment_unreadable", "The comment holds characters that cannot be stored.")
    return comment


def _why_invalid(session: Session, judgement: Judgement) -> Reason | None:
    if not judgement.readable:
        return Reason.NOTES_UNREADABLE
    if not judgement.valid:
        return judgement.invalid_reason
    if Episode.objects.filter(side__session=session).count() < len(Label):
        return Reason.EPISODES_MISSING
    if judgement.preference is None:
        return Reason.PREFERENCE_MISSING
    return None
