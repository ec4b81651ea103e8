"""Keys of the API: one person in one lab, within some scopes. Told once, kept as hashes, ended with the membership."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from arena import audit
from arena.errors import AccessDenied, ArenaError, Conflict, NotSignedIn, TooMany
from arena.labs import clean_name
from arena.limits import FailureLimit
from arena.models import OWNER_ROLES, ApiKey, Lab, Membership, Person, Role, Scope

PREFIX = "arena_"
WRONG_KEYS = FailureLimit("wrong API keys", most=20, window=timedelta(minutes=10))
LAST_USED_STEP = timedelta(minutes=1)
MOST_LIVING = 20


@transaction.atomic
def create_api_key(
    *,
    person: Person,
    lab: Lab,
    name: str,
    scopes: Collection[str],
    expires_at: datetime | None = None,
    now: datetime,
) -> tuple[ApiKey, str]:
    """A fresh key and its secret, which is returned once and kept nowhere."""
    name = clean_name(name, what="A key")
    # The lock makes two requests at once one after the other: the second finds the name taken.
    membership = Membership.objects.select_for_update(no_key=True).filter(person=person, lab=lab).first()
    if membership is None:
        raise AccessDenied("not_a_member", f"You are no member of {lab}.")
    chosen = _clean_scopes(scopes, Role(membership.role))
    if expires_at is not None and expires_at <= now:
        raise ArenaError("bad_expiry", "A key cannot end in the past.")
    _require_room(person, lab, name, now)
    secret = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        person=person,
        lab=lab,
        name=name,
        scopes=chosen,
        prefix=secret[: len(PREFIX) + 6],
        digest=_digest(secret),
        created_at=now,
        expires_at=expires_at,
    )
    audit.record("api-key:created", subject=f"api-key:{key.pk}", person=person, lab=lab, name=name, scopes=chosen)
    return key, secret


@transaction.atomic
def revoke_api_key(*, key: ApiKey, now: datetime, by: Person | None = None) -> None:
    """From now on the key is refused; a repeat changes nothing."""
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        audit.record("api-key:revoked", subject=f"api-key:{key.pk}", person=by, lab=key.lab, name=key.name)


def authenticate_api_key(*, secret: str, address: str, now: datetime) -> ApiKey:
    """The living key behind a secret, with its person and lab.

    A key is too long to be guessed: the limit keeps wrong ones cheap, and never stands in the way of a right one,
    which may come from behind the same address.
    """
    key = _living_key(secret, now)
    if key is None:
        if WRONG_KEYS.reached(address):
            raise TooMany("too_many_attempts", "Too many wrong API keys from here.", hint="Wait ten minutes.")
        WRONG_KEYS.count(address)
        raise NotSignedIn(
            "bad_api_key",
            "This API key is not known, was revoked, or has ended.",
            hint="Make another under /account/keys.",
        )
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_STEP:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


def living(now: datetime) -> QuerySet[ApiKey]:
    """Keys that open something: not revoked, not ended, of an active person who is still in the key's lab."""
    return ApiKey.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now),
        revoked_at=None,
        person__is_active=True,
        person__memberships__lab=F("lab"),
    )


def _living_key(secret: str, now: datetime) -> ApiKey | None:
    if not secret.startswith(PREFIX):
        return None
    return living(now).select_related("person", "lab").filter(digest=_digest(secret)).first()


def _clean_scopes(scopes: Collection[str], role: Role) -> list[str]:
    unknown = set(scopes) - set(Scope.values)
    if unknown:
        raise ArenaError("bad_scope", f"No such scope: {min(unknown)}.", hint=f"There are {', '.join(Scope.values)}.")
    if not scopes:
        raise ArenaError("bad_scope", "A key needs at least one scope.", hint=f"There are {', '.join(Scope.values)}.")
    if Scope.OWN in scopes and role not in OWNER_ROLES:
        raise ArenaError("bad_scope", "Only a policy owner or lab admin can have a key that orders evaluations.")
    if Scope.MANAGE in scopes and role != Role.ADMIN:
        raise ArenaError("bad_scope", "Only a lab admin can have a key that manages the lab.")
    return [scope for scope in Scope.values if scope in scopes]


def _require_room(person: Person, lab: Lab, name: str, now: datetime) -> None:
    own = living(now).filter(person=person)
    if own.filter(lab=lab, name__iexact=name).exists():
        raise Conflict(
            "key_exists",
            f"You have a key named {name} in {lab} already.",
            hint="Revoke it first, or take another name.",
        )
    if own.count() >= MOST_LIVING:
        raise TooMany("too_many_keys", f"You have {MOST_LIVING} keys, the most there may be.", hint="Revoke some.")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
