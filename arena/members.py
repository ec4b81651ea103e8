"""Who belongs to a lab: roles, leaving, and that a lab keeps an admin."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from arena import api_keys, audit, keys
from arena.errors import Conflict, NotFound
from arena.models import ApiKey, ClientKey, Lab, Membership, Person, Role


@transaction.atomic
def change_role(*, membership: Membership, role: Role, by: Person) -> Membership:
    """Another role from now on; the lab keeps at least one admin. A repeat changes nothing."""
    current = _locked(membership)
    if current.role == role:
        return current
    if current.role == Role.ADMIN:
        _require_another_admin(current)
    was, current.role = current.role, role
    current.save(update_fields=["role"])
    subject = f"person:{current.person_id}"
    audit.record("member:role", subject=subject, person=by, lab=current.lab, role=role, was=was)
    return current


@transaction.atomic
def remove_member(*, membership: Membership, by: Person, now: datetime) -> None:
    """End a membership, and with it the keys that the person has in this lab. Whoever removes themselves leaves."""
    current = _locked(membership)
    if current.role == Role.ADMIN:
        _require_another_admin(current)
    person, lab = current.person, current.lab
    current.delete()
    # A person who comes back later must not find old keys alive again. (Whoever makes a key locks the membership.)
    for api_key in ApiKey.objects.filter(person=person, lab=lab, revoked_at=None):
        api_keys.revoke_api_key(key=api_key, now=now, by=by)
    for code in ClientKey.objects.filter(person=person, station__lab=lab, revoked_at=None).select_related(
        "station__lab"
    ):
        keys.revoke_client_key(key=code, by=by)
    tag = "member:left" if by == person else "member:removed"
    audit.record(tag, subject=f"person:{person.pk}", person=by, lab=lab, role=current.role)


def members_of(lab: Lab) -> QuerySet[Membership]:
    return lab.memberships.select_related("person").order_by("person__name", "person__email")


def admins_of(lab: Lab) -> list[Person]:
    return list(Person.objects.filter(memberships__lab=lab, memberships__role=Role.ADMIN, is_active=True))


def _locked(membership: Membership) -> Membership:
    """The membership as it stands, while nobody else changes who belongs to the lab."""
    Lab.objects.select_for_update(no_key=True).get(pk=membership.lab_id)
    current = Membership.objects.select_related("lab", "person").filter(pk=membership.pk).first()
    if current is None:
        raise NotFound("member_unknown", "This person is no member of the lab.")
    return current


def _require_another_admin(membership: Membership) -> None:
    others = Membership.objects.filter(lab=membership.lab_id, role=Role.ADMIN, person__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise Conflict(
            "last_admin",
            f"{membership.person} is the only admin of {membership.lab}.",
            hint="Make somebody else an admin first.",
        )
