from datetime import timedelta
from email.message import Message
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMessage
from django.db import transaction
from django.test import Client
from django.utils import timezone

from arena import notices
from arena.errors import ArenaError, NotFound
from arena.models import AuditEvent, Notice, NoticeKind, Person
from tests.arena.conftest import Cast, as_person

NOW = timezone.now()
EXPIRING = NoticeKind.SESSION_EXPIRING


def write(person: Person, key: str = "k", **changes: Any) -> Notice:
    fields = {"kind": EXPIRING, "subject": "Soon over", "text": "It ends.", "path": "/sessions/1", **changes}
    return notices.write(person=person, key=key, **fields)


def send(*, at: Any = None) -> int:
    return notices.send_waiting(now=at or timezone.now())


def break_mail(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[str]:
    tried: list[str] = []

    def refuse(self: EmailMessage, fail_silently: bool = False) -> int:
        tried.append(str(self.subject))
        raise error

    monkeypatch.setattr(EmailMessage, "send", refuse)
    return tried


def test_what_is_written_is_sent_once(cast: Cast) -> None:
    for _ in range(2):
        write(cast.dana)
    assert (send(), send()) == (1, 0)
    (sent,) = mail.outbox
    assert sent.to == [cast.dana.email]
    assert f"{settings.PUBLIC_URL}/sessions/1" in str(sent.body)
    notice = Notice.objects.get()
    assert (notice.sent, notice.attempts) == (True, 1)


def test_what_did_not_take_place_is_not_told(cast: Cast) -> None:
    with transaction.atomic():
        write(cast.dana)
        transaction.set_rollback(True)
    assert send() == 0


def test_a_mail_says_how_to_get_no_more(cast: Cast) -> None:
    write(cast.dana)
    send()
    message: Message = mail.outbox[0].message()
    off = message["List-Unsubscribe"].strip("<>")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert off in str(mail.outbox[0].body)
    path = off.removeprefix(settings.PUBLIC_URL)
    visitor = Client(enforce_csrf_checks=True)
    assert "Do not write to me" in visitor.get(path).content.decode()
    cast.dana.refresh_from_db()
    assert cast.dana.muted_notices == []  # following the link is not yet a wish
    for _ in range(2):
        assert visitor.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    cast.dana.refresh_from_db()
    assert cast.dana.muted_notices == [EXPIRING]
    assert AuditEvent.objects.filter(tag="notices:chosen").count() == 1


@pytest.mark.parametrize("change", ["cut", "other person", "nonsense"])
def test_a_link_that_was_tampered_with_does_nothing(cast: Cast, change: str) -> None:
    path = notices.off_path(cast.dana, EXPIRING)
    changed = {
        "cut": path[:-1],
        "other person": path.replace("off/W", "off/X"),
        "nonsense": "/notices/off/nonsense",
    }[change]
    assert Client().post(changed).status_code == 404
    assert not Person.objects.exclude(muted_notices=[]).exists()


def test_a_kind_that_is_always_sent_has_no_such_link(cast: Cast) -> None:
    with pytest.raises(NotFound):
        notices.read_off_path(notices.off_path(cast.dana, NoticeKind.INVITATION).rpartition("/")[2])
    write(cast.dana, kind=NoticeKind.APPLICATION_DECIDED)
    send()
    assert "List-Unsubscribe" not in mail.outbox[0].message()


def test_muted_kinds_are_settled_unsent_and_others_sent(cast: Cast) -> None:
    notices.choose(person=cast.dana, muted=[EXPIRING])
    write(cast.dana, "muted")
    write(cast.dana, "wanted", kind=NoticeKind.SESSION_EXPIRED)
    assert send() == 1
    muted = Notice.objects.get(key="muted")
    assert muted.settled_at is not None
    assert not muted.sent
    notices.choose(person=cast.dana, muted=[])
    assert send() == 0


def test_who_is_switched_off_gets_no_mail(cast: Cast) -> None:
    write(cast.dana)
    Person.objects.filter(pk=cast.dana.pk).update(is_active=False)
    assert send() == 0
    assert Notice.objects.get().settled_at


@pytest.mark.parametrize("error", [SMTPServerDisconnected(), ConnectionRefusedError(), ValueError("a header")])
def test_a_mail_server_that_is_away_is_tried_five_times(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tried = break_mail(monkeypatch, error)
    write(cast.dana)
    at = timezone.now()
    for attempt, pause in enumerate(notices.PAUSE_AFTER_FAILURE, start=1):
        send(at=at)
        assert len(tried) == attempt
        send(at=at + pause - timedelta(seconds=1))
        assert len(tried) == attempt  # not before its time
        at += pause
    for _ in range(3):
        send(at=at)
        at += timedelta(days=1)
    assert len(tried) == notices.MOST_ATTEMPTS
    notice = Notice.objects.get()
    assert notice.settled_at is not None
    assert not notice.sent


def test_one_that_cannot_be_sent_holds_up_no_other(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    write(cast.dana, "bad")
    write(cast.bob, "good")
    whole = EmailMessage.send

    def refuse_dana(self: EmailMessage, fail_silently: bool = False) -> int:
        if self.to == [cast.dana.email]:
            raise OSError
        return whole(self, fail_silently)

    monkeypatch.setattr(EmailMessage, "send", refuse_dana)
    assert send() == 1
    assert [message.to for message in mail.outbox] == [[cast.bob.email]]


def test_a_sender_that_died_is_replaced_and_its_notice_given_up_in_the_end(cast: Cast) -> None:
    write(cast.dana)
    at = timezone.now()
    assert notices._claim(Notice.objects.get().pk, at)
    assert send(at=at) == 0
    assert send(at=at + notices.CLAIM) == 1
    Notice.objects.update(settled_at=None, sent=False, attempts=notices.MOST_ATTEMPTS, next_try_at=at)
    assert send(at=at) == 0
    assert Notice.objects.get().settled_at == at


def test_a_subject_is_one_line(cast: Cast) -> None:
    write(cast.dana, subject="One\r\nBcc: mallory@example.org\n" + "x" * 200)
    assert send() == 1
    assert mail.outbox[0].bcc == []
    assert "\n" not in mail.outbox[0].subject
    assert len(mail.outbox[0].subject) <= 160


def test_the_page_switches_kinds_off_and_on(cast: Cast) -> None:
    client = as_person(cast.dana)
    page = client.get("/account/notices").content.decode()
    offered = notices.kinds_for(cast.dana)
    assert page.count("checked") == len(offered) == len(notices.CAN_BE_SWITCHED_OFF) - 1
    assert notices.kinds_for(cast.eve) == list(notices.CAN_BE_SWITCHED_OFF)
    wanted = [kind.value for kind in offered if kind != EXPIRING]
    assert client.post("/account/notices", {"wanted": wanted}).status_code == 302
    cast.dana.refresh_from_db()
    assert cast.dana.muted_notices == [EXPIRING]
    assert client.post("/account/notices", {}).status_code == 302
    cast.dana.refresh_from_db()
    assert set(cast.dana.muted_notices) == set(offered)
    assert client.post("/account/notices", {"wanted": ["invitation"]}).status_code == 400
    assert Client().get("/account/notices").status_code == 302


def test_no_other_kind_can_be_switched_off(cast: Cast) -> None:
    for kind in (NoticeKind.INVITATION, "nonsense"):
        with pytest.raises(ArenaError) as caught:
            notices.choose(person=cast.dana, muted=[kind])
        assert caught.value.code == "bad_notice_kind"


def test_an_address_without_an_account_is_written_to(cast: Cast) -> None:
    notices.write_to_address(
        kind=NoticeKind.INVITATION, email="new@example.org", key="i", subject="Come", text="Do", path="/x/-token-"
    )
    assert send() == 1
    assert mail.outbox[0].to == ["new@example.org"]
    assert f"/x/{notices.link_token('i')}" in str(mail.outbox[0].body)
