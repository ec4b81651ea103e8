"""The only roads from a request to a lab and to what is in it. What is not yours is not there: 404."""

import uuid

from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from arena import people
from arena.errors import AccessDenied, NotFound, NotSignedIn
from arena.models import Affiliation, ApiKey, Application, ClientKey, Invitation, Lab, Membership, Person, Role, Station

User = Person | AnonymousUser


def signed_in(user: User) -> Person:
    if not isinstance(user, Person):
        raise NotSignedIn("not_signed_in", "Sign in first.")
    return user


def steward(user: User) -> Person:
    person = signed_in(user)
    if not person.is_staff:
        raise AccessDenied("access_denied", "Only stewards may see this page.")
    if settings.STEWARD_MFA_REQUIRED and not people.has_second_factor(person):
        raise AccessDenied(
            "second_factor_required",
            "Stewards need a second factor here.",
            hint="Set one up on your account page.",
        )
    return person


def membership(user: User, slug: str) -> Membership:
    """One's own membership of a lab."""
    found = Membership.objects.select_related("lab").filter(person=user.pk, lab__slug=slug).first()
    if found is None:
        raise NotFound("lab_unknown", "There is no such lab, or it is not yours.")
    return found


def lab_to_manage(user: User, slug: str) -> Lab:
    """A lab that one is an admin of. Its other members are told who may."""
    own = membership(user, slug)
    if own.role != Role.ADMIN:
        raise AccessDenied("not_an_admin", "Only an admin of the lab may do this.", hint="Ask one of them.")
    return own.lab


def member_to_manage(user: User, slug: str, membership_id: int) -> Membership:
    """A member of a lab that one is an admin of; one's own membership in any case."""
    own = membership(user, slug)
    if own.pk == membership_id:
        return own
    lab = lab_to_manage(user, slug)
    found = lab.memberships.select_related("person", "lab").filter(pk=membership_id).first()
    if found is None:
        raise NotFound("member_unknown", "This person is no member of the lab.")
    return found


def invitation_to_manage(user: User, slug: str, invitation_id: int) -> Invitation:
    lab = lab_to_manage(user, slug)
    found = lab.invitations.select_related("lab", "invited_by").filter(pk=invitation_id).first()
    if found is None:
        raise NotFound("invitation_unknown", "There is no such invitation.")
    return found


def station_of_lab(user: User, slug: str, station_id: int) -> Station:
    """A station of a lab that one is a member of."""
    return _station(membership(user, slug).lab, station_id)


def station_to_manage(user: User, slug: str, station_id: int) -> Station:
    return _station(lab_to_manage(user, slug), station_id)


def client_key_to_revoke(user: User, slug: str, key_id: int) -> ClientKey:
    """An access code at a station of the lab: one's own, or any where one is an admin."""
    own = membership(user, slug)
    keys = ClientKey.objects.filter(station__lab=own.lab).select_related("person", "station__lab")
    if own.role != Role.ADMIN:
        keys = keys.filter(person=own.person_id)
    found = keys.filter(pk=key_id).first()
    if found is None:
        raise NotFound("key_unknown", "There is no such key.")
    return found


def own_api_key(user: User, key_id: int) -> ApiKey:
    found = ApiKey.objects.select_related("lab").filter(person=user.pk, pk=key_id).first()
    if found is None:
        raise NotFound("key_unknown", "There is no such key.")
    return found


def lab_to_affiliate(user: User, slug: str) -> Lab:
    """A lab whose affiliations one may declare: as its admin, or as a steward."""
    return lab_for_steward(user, slug) or lab_to_manage(user, slug)


def lab_for_steward(user: User, slug: str) -> Lab | None:
    """Any lab, for a steward; None for everybody else."""
    if not (isinstance(user, Person) and user.is_staff):
        return None
    steward(user)
    lab = Lab.objects.filter(slug=slug).first()
    if lab is None:
        raise NotFound("lab_unknown", "There is no such lab, or it is not yours.")
    return lab


def affiliation_to_end(user: User, affiliation_id: int) -> Affiliation:
    steward(user)
    found = Affiliation.objects.select_related("lab", "other").filter(pk=affiliation_id).first()
    if found is None:
        raise NotFound("affiliation_unknown", "There is no such affiliation.")
    return found


def application_to_review(user: User, application_id: uuid.UUID) -> Application:
    steward(user)
    rows = Application.objects.select_related("person", "decided_by", "lab").prefetch_related("affiliated_labs")
    found = rows.filter(pk=application_id).first()
    if found is None:
        raise NotFound("application_unknown", "There is no such application.")
    return found


def _station(lab: Lab, station_id: int) -> Station:
    found = lab.stations.select_related("lab", "embodiment").filter(pk=station_id).first()
    if found is None:
        raise NotFound("station_unknown", "The lab has no such station.")
    return found
