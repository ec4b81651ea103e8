"""Access codes of RoboArena clients.

The client sends its code in clear, in every call. So the code is a key of its own kind: bound to one person at one
station, good for the RoboArena protocol only, shown once, stored as a hash, revocable.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from arena import audit
from arena.errors import AccessDenied, Conflict, NotFound, NotSignedIn, TooMany
from arena.limits import FailureLimit
from arena.models import ClientKey, Membership, Person, Station

WRONG_CODES = FailureLimit("wrong access codes", most=20, window=timedelta(minutes=10))
LAST_USED_STEP = timedelta(minutes=1)


@transaction.atomic
def create_client_key(*, person: Person, station: Station, by: Person | None = None) -> tuple[ClientKey, str]:
    """A fresh access code for `person` at `station`; the code itself is returned once and kept nowhere."""
    if station.retired_at is not None:
        raise Conflict("station_retired", f"{station.name} is retired: it opens no session any more.")
    if not Membership.objects.select_for_update(no_key=True).filter(person=person, lab=station.lab).first():
        raise AccessDenied(
            "not_a_member",
            f"{person.email} is no member of {station.lab}.",
            hint="Only a member of the station's lab can have one.",
        )
    code = secrets.token_urlsafe(24)
    key = ClientKey.objects.create(person=person, station=station, prefix=code[:6], digest=_digest(code))
    audit.record("key:created", subject=f"key:{key.pk}", person=by, lab=station.lab, station=station.name)
    return key, code


@transaction.atomic
def revoke_client_key(*, key: ClientKey, by: Person | None = None) -> None:
    """From now on the code is refused; a repeat changes nothing."""
    if ClientKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
        audit.record("key:revoked", subject=f"key:{key.pk}", person=by, lab=key.station.lab)


def authenticate_client(*, code: str, email: str | None = None, address: str, now: datetime) -> ClientKey:
    """The living key behind an access code, which must be that of `email` where one is given.

    A code is too long to be guessed: the limit keeps wrong ones cheap, and never stands in the way of a right one,
    which may come from behind the same address.
    """
    key = _living_key(code)
    if key is None or (email is not None and key.person.email != email.strip().lower()):
        if WRONG_CODES.reached(address):
            raise TooMany("too_many_attempts", "Too many wrong access codes from here.", hint="Wait ten minutes.")
        WRONG_CODES.count(address)
        raise NotSignedIn(
            "bad_access_code",
            "This e-mail and access code do not belong together, or the code was revoked.",
            hint="Ask for a new access code.",
        )
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_STEP:
        ClientKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


def find_key(*, pk: int) -> ClientKey:
    key = ClientKey.objects.select_related("person", "station__lab").filter(pk=pk).first()
    if key is None:
        raise NotFound("key_unknown", "There is no such key.")
    return key


def _living_key(code: str) -> ClientKey | None:
    return (
        ClientKey.objects.select_related("person", "station__lab", "station__embodiment")
        .filter(
            digest=_digest(code),
            revoked_at__isnull=True,
            station__retired_at__isnull=True,
            person__is_active=True,
            # The key ends with the membership that it was made for.
            person__memberships__lab=F("station__lab"),
        )
        .first()
    )


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode(errors="surrogatepass")).hexdigest()
