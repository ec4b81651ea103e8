"""What an evaluator is written about a session by e-mail. Nothing here may name a policy.

Simulated labs have nobody to write to.
"""

from datetime import datetime, timedelta

from django.urls import reverse

from arena import notices
from arena.models import NoticeKind
from evaluations.models import MediaFile, Session

AHEAD = timedelta(minutes=20)
"""How long before its end an evaluator is told that a session is about to run out."""


def warn_of_expiry(*, now: datetime) -> int:
    """Write to the evaluators of sessions that run out soon; how many. One message for each end of a lease."""
    ending = Session.objects.open().filter(
        lease_expires_at__gt=now, lease_expires_at__lte=now + AHEAD, simulated=False, evaluator__isnull=False
    )
    for session in ending.select_related("evaluator"):
        _write(
            session,
            NoticeKind.SESSION_EXPIRING,
            key=f"session:{session.pk}:expiring:{session.lease_expires_at:%Y%m%dT%H%M%S}",
            subject="A session of yours runs out soon",
            text=f"Your session “{_task(session)}” ends by itself at {session.lease_expires_at:%H:%M} UTC, and would "
            "then count on no board. What you have entered is kept. To go on with it, open its page.",
        )
    return len(ending)


def tell_expired(session: Session) -> None:
    """In the transaction that ends the session."""
    _write(
        session,
        NoticeKind.SESSION_EXPIRED,
        key=f"session:{session.pk}:expired",
        subject="A session of yours ran out",
        text=f"Your session “{_task(session)}” was not finished in time. It is recorded as expired and counts on no "
        "board. What you had entered is kept beside it.",
    )


def tell_unreadable(media: MediaFile, problem: str) -> None:
    _write(
        media.side.session,
        NoticeKind.MEDIA_UNREADABLE,
        key=f"media:{media.pk}:unreadable",
        subject="A video of yours cannot be read",
        text=f"The file for the {media.title} of side {media.side.label} in your session "
        f"“{_task(media.side.session)}” cannot be read: {problem} While the session is open you can put another in "
        "its place.",
    )


def _write(session: Session, kind: NoticeKind, *, key: str, subject: str, text: str) -> None:
    if session.simulated or session.evaluator is None:
        return
    path = reverse("session", args=[session.pk])
    notices.write(kind=kind, person=session.evaluator, key=key, subject=subject, text=text, path=path)


def _task(session: Session) -> str:
    return session.instruction if len(session.instruction) <= 80 else f"{session.instruction[:79]}…"
