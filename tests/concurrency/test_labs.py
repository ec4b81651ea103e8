"""Two who do the same thing to a lab at once: one outcome, and a lab keeps an admin."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.utils import timezone

from arena import affiliations, api_keys, applications, invitations, members, notices
from arena.applications import TERMS_VERSION, ApplicationText
from arena.errors import Conflict, TooMany
from arena.models import (
    Affiliation,
    ApiKey,
    Application,
    AuditEvent,
    Invitation,
    Lab,
    Membership,
    Notice,
    NoticeKind,
    Person,
    Role,
    Scope,
)
from tests.arena.conftest import Cast, make_cast
from tests.concurrency.test_sessions import AT_ONCE, at_once
from tests.factories import make_steward

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now()


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def application_of(person: Person, name: str = "New lab") -> Application:
    text = ApplicationText(lab_name=name, about="we", robots="one")
    return applications.apply(person=person, text=text, terms=TERMS_VERSION, now=NOW)


def test_two_stewards_at_once_leave_one_outcome(cast: Cast) -> None:
    frank, other = Person.objects.create_user("frank@example.org"), make_steward("erin@example.org")
    for number in range(4):
        application = application_of(frank, f"New lab {number}")
        approve = partial(applications.approve, application_id=application.pk, now=NOW)
        decline = partial(applications.decline, application_id=application.pk, now=NOW, comment="no")
        found = at_once([partial(approve, by=cast.eve), partial(decline, by=other)] * 4)
        application.refresh_from_db()
        approved = application.state == Application.State.APPROVED
        assert sum(isinstance(outcome, Application) for outcome in found) == 4
        assert all(
            isinstance(o, Application) or (isinstance(o, Conflict) and o.code == "application_decided") for o in found
        )
        assert Lab.objects.filter(name=f"New lab {number}").count() == approved
        assert Notice.objects.filter(key=f"application-decided:{application.pk}").count() == 1
        subject = f"application:{application.pk}"
        decisions = AuditEvent.objects.filter(subject=subject).exclude(tag="application:made")
        assert decisions.count() == 1


def test_an_applicant_who_clicks_twice_applies_once(cast: Cast) -> None:
    frank = Person.objects.create_user("frank@example.org")
    found = at_once([lambda: application_of(frank)] * AT_ONCE)
    assert sum(isinstance(outcome, Application) for outcome in found) == 1
    assert Application.objects.count() == 1


def test_two_admins_who_remove_or_demote_each_other_leave_one(cast: Cast) -> None:
    for _ in range(5):
        Membership.objects.update_or_create(lab=cast.owners, person=cast.bob, defaults={"role": Role.ADMIN})
        Membership.objects.update_or_create(lab=cast.owners, person=cast.alice, defaults={"role": Role.ADMIN})
        alice = Membership.objects.get(lab=cast.owners, person=cast.alice)
        bob = Membership.objects.get(lab=cast.owners, person=cast.bob)
        calls: list[Callable[[], object]] = [
            partial(members.remove_member, membership=bob, by=cast.alice, now=NOW),
            partial(members.change_role, membership=alice, role=Role.OWNER, by=cast.bob),
        ]
        found = at_once(calls)
        assert sum(isinstance(outcome, Conflict) for outcome in found) == 1
        assert len(members.admins_of(cast.owners)) == 1


def test_an_invitation_accepted_many_times_at_once_makes_one_member(cast: Cast) -> None:
    frank = Person.objects.create_user("frank@example.org")
    invitations.invite(lab=cast.owners, email=frank.email, role=Role.OWNER, by=cast.alice, now=NOW)
    token = notices.link_token(Notice.objects.get(kind=NoticeKind.INVITATION).key)
    found = at_once([lambda: invitations.accept(token=token, person=frank, now=NOW).role] * AT_ONCE)
    assert found == [Role.OWNER] * AT_ONCE
    assert Membership.objects.filter(person=frank).count() == 1
    assert AuditEvent.objects.filter(tag="invitation:accepted").count() == 1


def test_an_invitation_accepted_while_it_is_revoked_is_one_or_the_other(cast: Cast) -> None:
    for number in range(5):
        frank = Person.objects.create_user(f"frank{number}@example.org")
        invitation = invitations.invite(lab=cast.owners, email=frank.email, role=Role.OWNER, by=cast.alice, now=NOW)
        token = notices.link_token(Notice.objects.get(email=frank.email).key)
        calls: list[Callable[[], object]] = [
            partial(invitations.accept, token=token, person=frank, now=NOW),
            partial(invitations.revoke, invitation=invitation, by=cast.alice, now=NOW),
        ]
        at_once(calls)
        invitation.refresh_from_db()
        assert (invitation.accepted_at is None) != (invitation.revoked_at is None)
        assert Membership.objects.filter(person=frank).exists() == (invitation.accepted_at is not None)


def test_an_address_invited_many_times_at_once_gets_one_mail(cast: Cast) -> None:
    invite = partial(
        invitations.invite, lab=cast.owners, email="x@example.org", role=Role.OWNER, by=cast.alice, now=NOW
    )
    found = at_once([invite] * AT_ONCE)
    assert sum(isinstance(outcome, Invitation) for outcome in found) == 1
    assert Notice.objects.filter(kind=NoticeKind.INVITATION).count() == 1


def test_labs_that_declare_each_other_at_once_are_affiliated_once(cast: Cast) -> None:
    one = partial(affiliations.declare, lab=cast.owners, other=cast.others, by=cast.alice)
    two = partial(affiliations.declare, lab=cast.others, other=cast.owners, by=cast.charlie)
    found = at_once([one, two] * 4)
    assert len({outcome.pk for outcome in found if isinstance(outcome, Affiliation)}) == 1
    assert Affiliation.objects.count() == 1


def test_a_key_made_while_its_person_is_removed_never_lives_again(cast: Cast) -> None:
    make = partial(api_keys.create_api_key, person=cast.bob, lab=cast.owners, scopes=[Scope.READ], now=NOW)
    for number in range(5):
        membership = Membership.objects.get_or_create(
            lab=cast.owners, person=cast.bob, defaults={"role": Role.EVALUATOR}
        )[0]
        calls: list[Callable[[], object]] = [
            partial(make, name=f"key {number}"),
            partial(members.remove_member, membership=membership, by=cast.alice, now=NOW),
        ]
        at_once(calls)
        assert not ApiKey.objects.filter(person=cast.bob, revoked_at=None).exists()


def test_a_key_form_sent_many_times_at_once_makes_one(cast: Cast) -> None:
    make = partial(api_keys.create_api_key, person=cast.dana, lab=cast.evaluators, name="k", scopes=["read"], now=NOW)
    found = at_once([make] * AT_ONCE)
    assert sum(isinstance(outcome, Conflict | TooMany) for outcome in found) == AT_ONCE - 1
    assert ApiKey.objects.count() == 1


def test_each_notice_is_sent_by_one_of_many_senders(cast: Cast) -> None:
    for number in range(20):
        notices.write(
            kind=NoticeKind.SESSION_EXPIRED, person=cast.dana, key=f"n{number}", subject=f"n{number}", text="over"
        )
    now = timezone.now() + timedelta(seconds=1)
    found = at_once([lambda: notices.send_waiting(now=now)] * 4)
    assert sum(count for count in found if isinstance(count, int)) == 20
    assert sorted(message.subject for message in mail.outbox) == sorted(f"n{number}" for number in range(20))
