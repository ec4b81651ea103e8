"""What a request may do. Nothing, unless its operation names who may."""

from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any, TypeAlias

from django.db.models import QuerySet
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from arena import access
from arena.errors import AccessDenied, MethodNotAllowed, NotFound, NotSignedIn
from arena.models import ApiKey, Lab, Person, Scope


class Open(Enum):
    """Operations that are not a matter of scopes."""

    TO_ALL = "no key and no account is needed"
    TO_BROWSERS = "a signed-in browser only: keys act in one lab, and this is about a person or the whole platform"


Access: TypeAlias = Open | Collection[Scope]
"""Who may call an operation: one of these, or keys with one of the scopes (and every signed-in browser)."""

READ: Access = (Scope.READ,)
RUN: Access = (Scope.EVALUATE,)
READ_OR_RUN: Access = (Scope.READ, Scope.EVALUATE)
OWN: Access = (Scope.OWN,)
READ_OR_OWN: Access = (Scope.READ, Scope.OWN)
MANAGE: Access = (Scope.MANAGE,)
READ_OR_MANAGE: Access = (Scope.READ, Scope.MANAGE)
ANY_KEY: Access = tuple(Scope)


def named_method(request: Request) -> str:
    """The method whose operation this is: HEAD is a GET without its answer's body."""
    return "GET" if request.method == "HEAD" else str(request.method)


class NamedAccess(BasePermission):
    """`access` of the view says for each of its methods who may call it; what it does not name is refused."""

    def has_permission(self, request: Request, view: Any) -> bool:
        named: Mapping[str, Access] = view.access
        method = named_method(request)
        if method not in named:
            raise MethodNotAllowed()
        wanted = named[method]
        if wanted is Open.TO_ALL:
            return True
        if not isinstance(request.user, Person):
            raise NotSignedIn(
                "not_signed_in", "Sign in first.", hint="Programs send an API key: Authorization: Bearer arena_…"
            )
        return _key_may(key_of(request), wanted)


def _key_may(key: ApiKey | None, wanted: Access) -> bool:
    if key is None:
        return True
    if isinstance(wanted, Open):
        raise AccessDenied("browser_only", "No API key may do this.", hint="Sign in on the website and do it there.")
    if not set(wanted) & set(key.scopes):
        listed = " or ".join(scope.value for scope in wanted)
        raise AccessDenied("scope_missing", f"This needs a key with the scope {listed}.")
    return True


def person(request: Request) -> Person:
    return access.signed_in(request.user)


def key_of(request: Request) -> ApiKey | None:
    return request.auth if isinstance(request.auth, ApiKey) else None


def labs_of(request: Request) -> QuerySet[Lab]:
    """The labs in which the request may act: a key's own, or all of the person's."""
    own = Lab.objects.filter(memberships__person=person(request))
    key = key_of(request)
    return own.filter(pk=key.lab_id) if key else own


def opens_lab(request: Request, lab_id: int) -> bool:
    """Whether the request may touch what is its person's own in this lab. A key may in its lab alone."""
    key = key_of(request)
    return key is None or key.lab_id == lab_id


def own_slug(request: Request, slug: str) -> str:
    """The slug, unless the request's key is one of another lab: that lab is not there for it."""
    key = key_of(request)
    if key is not None and key.lab.slug != slug:
        raise NotFound("lab_unknown", "There is no such lab, or it is not yours.")
    return slug
