"""Messages to people by e-mail.

A message is written in the transaction of what it tells of, so that there is one exactly where that took place. The
worker sends it: a mail server that is away fails nobody's request.
"""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils.crypto import salted_hmac

from arena import audit
from arena.errors import ArenaError, NotFound
from arena.jobs import Job, enqueue
from arena.models import ALWAYS_SENT, Notice, NoticeKind, Person

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 5
# Whoever has begun to send a notice has this long before another may try.
CLAIM = timedelta(minutes=10)
PAUSE_AFTER_FAILURE = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
BATCH = 100
SUBJECT_LENGTH = 160
TOKEN = "-token-"  # noqa: S105  where the secret of a link is put in when it is sent

CAN_BE_SWITCHED_OFF = tuple(kind for kind in NoticeKind if kind not in ALWAYS_SENT)


def write(*, kind: NoticeKind, person: Person, key: str, subject: str, text: str, path: str = "") -> Notice:
    """A message to a person, within the caller's transaction. The same key again is the same message."""
    return _write(kind=kind, key=key, subject=subject, text=text, path=path, person=person)


def write_to_address(*, kind: NoticeKind, email: str, key: str, subject: str, text: str, path: str = "") -> Notice:
    """A message to an address that may have no account here."""
    return _write(kind=kind, key=key, subject=subject, text=text, path=path, email=email)


@transaction.atomic
def _write(*, kind: NoticeKind, key: str, subject: str, text: str, path: str, **to: Any) -> Notice:
    fields = {"kind": kind, "subject": " ".join(subject.split())[:SUBJECT_LENGTH], "text": text, "path": path, **to}
    notice, created = Notice.objects.get_or_create(key=key, defaults=fields)
    if created:
        enqueue(Job.SEND_NOTICES)
    return notice


def link_token(key: str) -> str:
    """The secret of the link in the message with this key. It is derived, so that no table holds it."""
    return salted_hmac("arena.notices.link", key, algorithm="sha256").hexdigest()


def send_waiting(*, now: datetime) -> int:
    """Send what is due, each message by one sender; how many were sent."""
    due = Notice.objects.filter(settled_at=None, next_try_at__lte=now).order_by("next_try_at")
    waiting = list(due.values_list("pk", flat=True)[:BATCH])
    return sum(_send_one(pk, now) for pk in waiting if _claim(pk, now))


def _claim(pk: int, now: datetime) -> bool:
    due = Notice.objects.filter(pk=pk, settled_at=None, next_try_at__lte=now)
    return due.update(attempts=F("attempts") + 1, next_try_at=now + CLAIM) == 1


def _send_one(pk: int, now: datetime) -> bool:
    notice = Notice.objects.select_related("person").get(pk=pk)
    if notice.attempts > MOST_ATTEMPTS or not _wanted(notice):
        _settle(notice, now, sent=False)
        return False
    try:
        _mail(notice).send()
    except (OSError, ValueError) as error:  # the mail server's errors, and an address or header that cannot be sent
        logger.warning("notice %s was not sent: %s", pk, type(error).__name__)
        _try_later(notice, now)
        return False
    _settle(notice, now, sent=True)
    return True


def _wanted(notice: Notice) -> bool:
    person = notice.person
    if person is None:
        return True
    return person.is_active and (notice.kind in ALWAYS_SENT or notice.kind not in person.muted_notices)


def _try_later(notice: Notice, now: datetime) -> None:
    if notice.attempts >= MOST_ATTEMPTS:
        _settle(notice, now, sent=False)
        return
    Notice.objects.filter(pk=notice.pk).update(next_try_at=now + PAUSE_AFTER_FAILURE[notice.attempts - 1])


def _settle(notice: Notice, now: datetime, *, sent: bool) -> None:
    Notice.objects.filter(pk=notice.pk).update(settled_at=now, sent=sent)


def _mail(notice: Notice) -> EmailMessage:
    parts = [notice.text.strip()]
    if notice.path:
        parts.append(settings.PUBLIC_URL + notice.path.replace(TOKEN, link_token(notice.key)))
    headers = {"Auto-Submitted": "auto-generated"}
    if notice.person and notice.kind not in ALWAYS_SENT:
        off = settings.PUBLIC_URL + off_path(notice.person, NoticeKind(notice.kind))
        parts.append(f"-- \nYou are told when {notice.get_kind_display()}. To hear no more of this kind:\n{off}")
        headers |= {"List-Unsubscribe": f"<{off}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    address = notice.person.email if notice.person else notice.email
    return EmailMessage(subject=notice.subject, body="\n\n".join(parts) + "\n", to=[address], headers=headers)


# Which kinds a person wants


def kinds_for(person: Person) -> list[NoticeKind]:
    """The kinds that a person can get and may switch off."""
    return [kind for kind in CAN_BE_SWITCHED_OFF if person.is_staff or kind != NoticeKind.APPLICATION_RECEIVED]


@transaction.atomic
def choose(*, person: Person, muted: Collection[str]) -> None:
    """Switch exactly these kinds off, and all others on."""
    unknown = set(muted) - set(CAN_BE_SWITCHED_OFF)
    if unknown:
        raise ArenaError("bad_notice_kind", f"{min(unknown)} is no kind of notice that can be switched off.")
    kinds = [kind.value for kind in CAN_BE_SWITCHED_OFF if kind in muted]
    if Person.objects.filter(pk=person.pk).exclude(muted_notices=kinds).update(muted_notices=kinds):
        audit.record("notices:chosen", subject=f"person:{person.pk}", person=person, muted=kinds)
    person.muted_notices = kinds


@transaction.atomic
def switch_off(*, person: Person, kind: NoticeKind) -> None:
    """This kind and no other; a repeat changes nothing."""
    locked = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    choose(person=locked, muted={*locked.muted_notices, kind})


def off_path(person: Person, kind: NoticeKind) -> str:
    """The page where whoever holds this address can switch the kind off for that person, signed in or not."""
    return reverse("notices-off", args=[signing.dumps([person.pk, kind.value], salt="arena.notices.off")])


def read_off_path(signed: str) -> tuple[Person, NoticeKind]:
    try:
        pk, kind = signing.loads(signed, salt="arena.notices.off")
    except signing.BadSignature:
        raise NotFound("not_found", "There is nothing at this address.") from None
    person = Person.objects.filter(pk=pk).first()
    if person is None or kind not in CAN_BE_SWITCHED_OFF:
        raise NotFound("not_found", "There is nothing at this address.")
    return person, NoticeKind(kind)
