"""The only roads to a request: members of its lab read it, owners and admins of policies order and end."""

import uuid

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from arena import access
from arena.errors import AccessDenied, NotFound
from arena.models import OWNER_ROLES, Lab, Person, PolicyVersion
from evaluations.models import EvaluationRequest
from evaluations.requests import selectors


def labs_of(user: Person | AnonymousUser) -> QuerySet[Lab]:
    return Lab.objects.filter(memberships__person=access.signed_in(user))


def labs_to_order_for(user: Person | AnonymousUser) -> QuerySet[Lab]:
    return Lab.objects.filter(memberships__person=access.signed_in(user), memberships__role__in=OWNER_ROLES)


def request_to_read(user: Person | AnonymousUser, request_id: uuid.UUID) -> EvaluationRequest:
    found = selectors.requests_of(labs_of(user)).filter(pk=request_id).first()
    if found is None:
        raise NotFound("request_unknown", "Your labs have no request at this address.")
    return found


def request_to_change(user: Person | AnonymousUser, request_id: uuid.UUID) -> EvaluationRequest:
    found = request_to_read(user, request_id)
    require_owner(user, found.lab)
    return found


def version_to_order(user: Person | AnonymousUser, label: str) -> PolicyVersion:
    """A version of a lab for which one may order, by its label."""
    own = PolicyVersion.objects.filter(policy__lab__in=labs_of(user)).select_related("policy__lab", "embodiment")
    found = own.labelled(label).first()
    if found is None or found.policy.lab is None:
        raise NotFound("version_unknown", "Your labs have no such version.", hint="It looks like SLUG@VERSION.")
    require_owner(user, found.policy.lab)
    return found


def require_owner(user: Person | AnonymousUser, lab: Lab) -> None:
    if not lab.memberships.filter(person=user.pk, role__in=OWNER_ROLES).exists():
        raise AccessDenied(
            "not_an_owner", f"Only policy owners and admins of {lab} may do this.", hint="Ask an admin for that role."
        )
