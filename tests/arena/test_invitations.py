import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.utils import timezone

from arena import invitations, members, notices
from arena.errors import AccessDenied, ArenaError, Conflict, NotFound, TooMany
from arena.models import AuditEvent, Invitation, Membership, Notice, NoticeKind, Person, Role
from tests.arena.conftest import Cast, as_person

NOW = timezone.now()
SECOND = timedelta(seconds=1)


@pytest.fixture
def frank(db: None) -> Person:
    return Person.objects.create_user("frank@example.org")


def invite(cast: Cast, email: str = "frank@example.org", **changes: Any) -> Invitation:
    fields = {"lab": cast.owners, "email": email, "role": Role.EVALUATOR, "by": cast.alice, "now": NOW, **changes}
    return invitations.invite(**fields)


def mailed_token() -> str:
    """The token in the latest mail to the outbox."""
    notices.send_waiting(now=timezone.now())
    found = re.findall(r"(\S+)/invitations/(\w+)", str(mail.outbox[-1].body))
    assert [host for host, _ in found] == [settings.PUBLIC_URL]
    return str(found[0][1])


def test_an_invitation_is_mailed_and_makes_a_member(cast: Cast, frank: Person) -> None:
    invitation = invite(cast, " Frank@Example.org ", role=Role.OWNER)
    token = mailed_token()
    assert mail.outbox[-1].to == ["frank@example.org"]
    assert invitation.expires_at == NOW + timedelta(days=14)
    for _ in range(2):
        membership = invitations.accept(token=token, person=frank, now=NOW)
        assert (membership.lab, membership.role) == (cast.owners, Role.OWNER)
    assert Membership.objects.filter(person=frank).count() == 1
    assert AuditEvent.objects.filter(tag="invitation:accepted").count() == 1
    assert [notice.person for notice in Notice.objects.filter(kind=NoticeKind.MEMBER_JOINED)] == [cast.alice]


def test_its_link_is_kept_nowhere(cast: Cast) -> None:
    invite(cast)
    kept = " ".join(str(row) for table in (Invitation, Notice, AuditEvent) for row in table.objects.values())
    assert mailed_token() not in kept


def test_an_account_with_another_email_may_not_accept(cast: Cast, frank: Person) -> None:
    invite(cast)
    token = mailed_token()
    with pytest.raises(AccessDenied) as caught:
        invitations.accept(token=token, person=cast.dana, now=NOW)
    assert caught.value.code == "invitation_for_another"
    assert "frank@" not in str(caught.value)
    answer = as_person(cast.dana).post(f"/invitations/{token}")
    assert answer.status_code == 403
    assert not cast.owners.memberships.filter(person=cast.dana).exists()
    page = as_person(cast.dana).get(f"/invitations/{token}").content.decode()
    assert "another e-mail" in page
    assert "frank@" not in page


def test_it_can_be_accepted_until_its_last_second(cast: Cast, frank: Person) -> None:
    invitation = invite(cast)
    token = mailed_token()
    with pytest.raises(NotFound) as caught:
        invitations.accept(token=token, person=frank, now=invitation.expires_at)
    assert caught.value.code == "invitation_expired"
    assert invitations.accept(token=token, person=frank, now=invitation.expires_at - SECOND)


def test_a_revoked_one_leads_nowhere(cast: Cast, frank: Person) -> None:
    invitation = invite(cast)
    token = mailed_token()
    for _ in range(2):
        invitations.revoke(invitation=invitation, by=cast.alice, now=NOW)
    assert AuditEvent.objects.filter(tag="invitation:revoked").count() == 1
    with pytest.raises(NotFound) as caught:
        invitations.accept(token=token, person=frank, now=NOW)
    assert caught.value.code == "invitation_unknown"
    assert Client().get(f"/invitations/{token}").status_code == 404


def test_what_was_accepted_is_not_revoked(cast: Cast, frank: Person) -> None:
    invitation = invite(cast)
    invitations.accept(token=mailed_token(), person=frank, now=NOW)
    invitations.revoke(invitation=invitation, by=cast.alice, now=NOW)
    with pytest.raises(Conflict):
        invitations.resend(invitation=invitation, by=cast.alice, now=NOW + timedelta(days=1))
    assert cast.owners.memberships.filter(person=frank).exists()


def test_sent_again_it_has_a_new_link_and_a_new_end(cast: Cast, frank: Person) -> None:
    invitation = invite(cast)
    old = mailed_token()
    with pytest.raises(TooMany):
        invitations.resend(invitation=invitation, by=cast.alice, now=NOW + 59 * SECOND)
    later = NOW + timedelta(days=20)  # the first one has run out
    assert invitations.resend(invitation=invitation, by=cast.alice, now=later).expires_at == later + timedelta(days=14)
    new = mailed_token()
    with pytest.raises(NotFound):
        invitations.accept(token=old, person=frank, now=later)
    assert invitations.accept(token=new, person=frank, now=later)


def test_one_address_has_one_open_invitation_to_a_lab(cast: Cast) -> None:
    invite(cast)
    with pytest.raises(Conflict) as caught:
        invite(cast, "FRANK@example.org")
    assert caught.value.code == "already_invited"
    invite(cast, lab=cast.others, by=cast.charlie)
    invite(cast, now=NOW + timedelta(days=15))
    assert Invitation.objects.filter(revoked_at=None).count() == 2


def test_a_member_is_not_invited(cast: Cast) -> None:
    with pytest.raises(Conflict) as caught:
        invite(cast, "bob@example.org")
    assert caught.value.code == "already_member"
    with pytest.raises(ArenaError) as bad:
        invite(cast, "nobody")
    assert bad.value.code == "bad_email"


def test_a_lab_does_not_mail_without_bound(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MOST_A_DAY", 2)
    for number in range(2):
        invitation = invite(cast, f"x{number}@example.org")
        invitations.revoke(invitation=invitation, by=cast.alice, now=NOW)
    with pytest.raises(TooMany):
        invite(cast, "x3@example.org")
    assert invite(cast, "x3@example.org", now=NOW + timedelta(days=1))


def test_who_was_removed_does_not_come_back_by_the_old_link(cast: Cast, frank: Person) -> None:
    invite(cast)
    token = mailed_token()
    membership = invitations.accept(token=token, person=frank, now=NOW)
    members.remove_member(membership=membership, by=cast.alice, now=NOW)
    with pytest.raises(NotFound):
        invitations.accept(token=token, person=frank, now=NOW)
    assert not cast.owners.memberships.filter(person=frank).exists()


def test_who_became_a_member_meanwhile_keeps_their_role(cast: Cast, frank: Person) -> None:
    invite(cast)
    Membership.objects.create(lab=cast.owners, person=frank, role=Role.ADMIN)
    assert invitations.accept(token=mailed_token(), person=frank, now=NOW).role == Role.ADMIN


def test_a_person_can_be_in_several_labs(cast: Cast) -> None:
    invite(cast, "dana@example.org")
    invitations.accept(token=mailed_token(), person=cast.dana, now=NOW)
    page = as_person(cast.dana).get("/lab").content.decode()
    assert "Evaluators" in page
    assert "Owners" in page


def test_the_pages_from_the_invitation_to_the_lab(cast: Cast, frank: Person) -> None:
    alice = as_person(cast.alice)
    answer: Any = alice.post("/lab/owners/members", {"email": "frank@example.org", "role": "owner"})
    assert (answer.status_code, answer.url) == (302, "/lab/owners/members")
    path = f"/invitations/{mailed_token()}"
    visitor = Client()
    page = visitor.get(path).content.decode()
    assert f"/sign-up?next={path}" in page
    assert "policy owner" in page
    assert visitor.post(path).status_code == 200
    assert not frank.memberships.exists()
    invited = as_person(frank)
    assert "Join Owners" in invited.get(path).content.decode()
    accepted: Any = invited.post(path)
    assert urlsplit(accepted.url).path == "/lab"
    assert "was accepted" in invited.get(path).content.decode()


def test_the_form_says_what_is_wrong_beside_what_was_typed(cast: Cast) -> None:
    answer = as_person(cast.alice).post("/lab/owners/members", {"email": "bob@example.org", "role": "owner"})
    assert answer.status_code == 400
    assert 'value="bob@example.org"' in answer.content.decode()
    assert "is a member of Owners already" in answer.content.decode()


@pytest.mark.parametrize("operation", ["resend", "revoke"])
def test_only_an_admin_of_the_lab_invites_resends_and_revokes(cast: Cast, operation: str) -> None:
    invitation = invite(cast, now=NOW - timedelta(hours=1))
    path = f"/lab/owners/invitations/{invitation.pk}/{operation}"
    for person, status in ((cast.bob, 403), (cast.charlie, 404), (cast.dana, 404), (cast.eve, 404)):
        assert as_person(person).post(path).status_code == status
        sent = as_person(person).post("/lab/owners/members", {"email": "g@example.org", "role": "admin"})
        assert sent.status_code == status
    assert as_person(cast.charlie).post(path.replace("owners", "others")).status_code == 404
    assert as_person(cast.alice).get(path).status_code == 405
    assert as_person(cast.alice).post(path).status_code == 302
    assert Invitation.objects.count() == 1


def test_an_invitation_waits_for_who_signs_up_without_its_link(cast: Cast, frank: Person) -> None:
    invitation = invite(cast)
    path = f"/invitations/{invitation.pk}/accept"
    client = as_person(frank)
    assert "Owners invites you" in client.get("/lab").content.decode()
    assert "invites you" not in as_person(cast.dana).get("/lab").content.decode()
    assert as_person(cast.dana).post(path).status_code == 404
    assert Client().post(path).status_code == 302
    assert client.get(path).status_code == 405
    for _ in range(2):
        assert client.post(path).status_code == 302
    assert cast.owners.memberships.get(person=frank).role == Role.EVALUATOR
    assert "invites you" not in client.get("/lab").content.decode()


@pytest.mark.parametrize("how", ["revoked", "ran out"])
def test_one_that_has_ended_does_not_wait(cast: Cast, frank: Person, how: str) -> None:
    invitation = invite(cast, now=NOW if how == "revoked" else NOW - timedelta(days=14))
    if how == "revoked":
        invitations.revoke(invitation=invitation, by=cast.alice, now=NOW)
    assert "invites you" not in as_person(frank).get("/lab").content.decode()
    assert as_person(frank).post(f"/invitations/{invitation.pk}/accept").status_code == 404
    assert not frank.memberships.exists()
