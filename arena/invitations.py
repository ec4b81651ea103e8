"""A lab's offers of membership, by e-mail. Their links are told once, in the mail, and kept as hashes."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from arena import audit, members, notices
from arena.errors import AccessDenied, Conflict, NotFound, TooMany
from arena.models import Invitation, Lab, Membership, NoticeKind, Person, Role
from arena.people import clean_email

LIFETIME = timedelta(days=14)
MOST_A_DAY = 100  # mails to strangers in a lab's name
RESEND_AFTER = timedelta(minutes=1)


@transaction.atomic
def invite(*, lab: Lab, email: str, role: Role, by: Person, now: datetime) -> Invitation:
    """Offer membership to an address; the mail carries the only copy of the link."""
    email = clean_email(email)
    Lab.objects.select_for_update(no_key=True).get(pk=lab.pk)
    if lab.memberships.filter(person__email=email).exists():
        raise Conflict("already_member", f"{email} is a member of {lab} already.")
    if lab.invitations.filter(created_at__gt=now - timedelta(days=1)).count() >= MOST_A_DAY:
        raise TooMany("too_many_invitations", f"A lab sends at most {MOST_A_DAY} invitations a day.")
    open_one = open_invitations(lab).filter(email=email).first()
    if open_one is not None and open_one.expires_at > now:
        raise Conflict("already_invited", f"{email} has an open invitation.", hint="Send it again, or revoke it first.")
    if open_one is not None:  # it ran out unanswered: the new one takes its place
        Invitation.objects.filter(pk=open_one.pk).update(revoked_at=now)
    key = _new_key()
    invitation = Invitation.objects.create(
        lab=lab,
        email=email,
        role=role,
        digest=_digest_for(key),
        invited_by=by,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    _send(invitation, key)
    audit.record("invitation:sent", subject=f"invitation:{invitation.pk}", person=by, lab=lab, email=email, role=role)
    return invitation


@transaction.atomic
def resend(*, invitation: Invitation, by: Person, now: datetime) -> Invitation:
    """Another mail with a new link; the old one leads nowhere from now on."""
    invitation = _open_locked(invitation)
    if now < invitation.expires_at - LIFETIME + RESEND_AFTER:
        raise TooMany("too_many_invitations", "This invitation was sent a moment ago.", hint="Wait a minute.")
    key = _new_key()
    invitation.digest = _digest_for(key)
    invitation.expires_at = now + LIFETIME
    invitation.save(update_fields=["digest", "expires_at"])
    _send(invitation, key)
    audit.record("invitation:resent", subject=f"invitation:{invitation.pk}", person=by, lab=invitation.lab)
    return invitation


@transaction.atomic
def revoke(*, invitation: Invitation, by: Person, now: datetime) -> None:
    """Its link leads nowhere from now on; a repeat changes nothing, and what was accepted stays."""
    if Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None).update(revoked_at=now):
        audit.record("invitation:revoked", subject=f"invitation:{invitation.pk}", person=by, lab=invitation.lab)


def find_by_token(token: str, *, now: datetime) -> Invitation:
    """The invitation that a link leads to, open or accepted."""
    found = Invitation.objects.select_related("lab", "invited_by").filter(digest=_digest(token)).first()
    if found is None or found.revoked_at is not None:
        raise NotFound(
            "invitation_unknown",
            "This link leads to no invitation.",
            hint="It may have been revoked or sent anew: look for a later mail, or ask the lab.",
        )
    if found.accepted_at is None and found.expires_at <= now:
        raise NotFound("invitation_expired", "This invitation has run out.", hint="Ask the lab to send it again.")
    return found


@transaction.atomic
def accept(*, token: str, person: Person, now: datetime) -> Membership:
    """Become a member by the mailed link. Only the invited address may; a repeat gives the same membership."""
    return _accept(find_by_token(token, now=now), person, now)


@transaction.atomic
def accept_own(*, invitation_id: int, person: Person, now: datetime) -> Membership:
    """Become a member by an invitation to one's own address, which was confirmed when the account was made."""
    found = Invitation.objects.filter(pk=invitation_id, email=person.email, expires_at__gt=now).first()
    if found is None:
        raise NotFound("invitation_unknown", "There is no such invitation.")
    return _accept(found, person, now)


def _accept(found: Invitation, person: Person, now: datetime) -> Membership:
    Lab.objects.select_for_update(no_key=True).get(pk=found.lab_id)
    invitation = Invitation.objects.select_related("lab").select_for_update(of=("self",)).get(pk=found.pk)
    if invitation.email != person.email:
        raise AccessDenied(
            "invitation_for_another",
            f"This invitation is for {_masked(invitation.email)}; you are signed in as {person.email}.",
            hint="Sign in with the invited address, or ask the lab to invite this one.",
        )
    if invitation.accepted_at is not None or invitation.revoked_at is not None:
        return _membership_of_earlier(invitation, person)
    Invitation.objects.filter(pk=invitation.pk).update(accepted_at=now, accepted_by=person)
    membership, created = Membership.objects.get_or_create(
        lab=invitation.lab, person=person, defaults={"role": invitation.role}
    )
    audit.record(
        "invitation:accepted", subject=f"person:{person.pk}", person=person, lab=invitation.lab, role=membership.role
    )
    if created:
        _tell_admins(membership, invitation)
    return membership


def open_invitations(lab: Lab) -> QuerySet[Invitation]:
    """Neither accepted nor revoked; some may have run out."""
    return lab.invitations.filter(accepted_at=None, revoked_at=None).select_related("invited_by")


def waiting_for(person: Person, *, now: datetime) -> QuerySet[Invitation]:
    """Invitations that a person can accept: whoever signs up by a link finds them again, on any device."""
    rows = Invitation.objects.filter(email=person.email, accepted_at=None, revoked_at=None, expires_at__gt=now)
    return rows.select_related("lab", "invited_by")


def _membership_of_earlier(invitation: Invitation, person: Person) -> Membership:
    membership = Membership.objects.filter(lab=invitation.lab_id, person=person).first()
    if membership is None or invitation.revoked_at is not None:
        raise NotFound(
            "invitation_unknown", "This invitation was used already.", hint="Ask the lab for a new one if you need it."
        )
    return membership


def _open_locked(invitation: Invitation) -> Invitation:
    current = (
        Invitation.objects.select_related("lab", "invited_by").select_for_update(of=("self",)).get(pk=invitation.pk)
    )
    if current.accepted_at is not None or current.revoked_at is not None:
        raise Conflict("invitation_ended", "This invitation was accepted or revoked.")
    return current


def _send(invitation: Invitation, key: str) -> None:
    who = invitation.invited_by.name or invitation.invited_by.email
    notices.write_to_address(
        kind=NoticeKind.INVITATION,
        email=invitation.email,
        key=key,
        subject=f"{invitation.lab} invites you to Policy Arena",
        text=f"{who} invites you to the lab {invitation.lab} as {invitation.get_role_display()}.\n\n"
        f"The link below works once, for this address, until {invitation.expires_at:%d %B %Y}. "
        "If you do not know the lab, do nothing.",
        path=reverse("invitation", args=[notices.TOKEN]),
    )


def _tell_admins(membership: Membership, invitation: Invitation) -> None:
    lab, person = membership.lab, membership.person
    for admin in members.admins_of(lab):
        if admin != person:
            notices.write(
                kind=NoticeKind.MEMBER_JOINED,
                person=admin,
                key=f"member-joined:{invitation.pk}:{admin.pk}",
                subject=f"{person} joined {lab}",
                text=f"{person} ({person.email}) accepted the invitation to {lab}: {membership.get_role_display()}.",
                path=reverse("lab-members", args=[lab.slug]),
            )


def _masked(email: str) -> str:
    """Enough to recognise one's own address by."""
    name, _, host = email.partition("@")
    return f"{name[:1]}…@{host}"


def _new_key() -> str:
    return f"invitation:{secrets.token_hex(16)}"


def _digest_for(key: str) -> str:
    return _digest(notices.link_token(key))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
