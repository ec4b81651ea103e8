"""Accounts: who may sign in."""

import os

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from arena import audit
from arena.errors import ArenaError, Conflict, NotFound
from arena.models import Person


@transaction.atomic
def create_person(*, email: str, name: str = "", password: str | None = None, steward: bool = False) -> Person:
    """An account whose e-mail the operator vouches for. Without a password its person asks for one by e-mail."""
    email = clean_email(email)
    if password is not None:
        validate_password(password, person=Person(email=email, name=name))
    person = _unconfirmed(email)
    if person is not None:
        return _take_over(person, name=name, password=password, steward=steward)
    create = Person.objects.create_superuser if steward else Person.objects.create_user
    try:
        with transaction.atomic():
            person = create(email, password, name=name)
            vouch(person=person)
    except IntegrityError:
        raise Conflict("person_exists", f"There is an account {email} already.") from None
    return person


def vouch(*, person: Person) -> None:
    """Their e-mail counts as confirmed: an operator says that it is theirs."""
    EmailAddress.objects.filter(user=person).exclude(email=person.email).delete()
    EmailAddress.objects.update_or_create(user=person, email=person.email, defaults={"verified": True, "primary": True})


def _unconfirmed(email: str) -> Person | None:
    person = Person.objects.select_for_update().filter(email=email).first()
    return person if person is not None and _is_unconfirmed(person) else None


def _is_unconfirmed(person: Person) -> bool:
    """Signed up and has not shown that the e-mail is theirs: nobody has ever signed in as this person."""
    verified = list(EmailAddress.objects.filter(user=person).values_list("verified", flat=True))
    return person.last_login is None and bool(verified) and not any(verified)


def _take_over(person: Person, *, name: str, password: str | None, steward: bool) -> Person:
    """Anybody can sign up with somebody else's e-mail. What they set is set anew, so that they do not get in later."""
    person.name = name
    person.is_staff = person.is_superuser = steward
    person.is_active = True
    person.set_password(password)
    person.save()
    vouch(person=person)
    audit.record("person:vouched", subject=f"person:{person.pk}", person=person)
    return person


@transaction.atomic
def create_steward(*, email: str, password: str | None = None) -> Person:
    person = create_person(email=email, password=password, steward=True)
    audit.record("steward:created", subject=f"person:{person.pk}", person=person)
    return person


def find_steward(email: str) -> Person:
    """The account of this e-mail, which has to be a steward's to do what stewards do."""
    person = find_person(email)
    if person is None:
        raise NotFound("person_unknown", "There is no account with this e-mail.")
    return person


def find_person(email: str) -> Person | None:
    """Whoever has this e-mail. One who signed up with it and did not confirm it yet is nobody."""
    person = Person.objects.filter(email=email.strip().lower()).first()
    return None if person is None or _is_unconfirmed(person) else person


def has_second_factor(person: Person) -> bool:
    return bool(Authenticator.objects.filter(user=person).exclude(type=Authenticator.Type.RECOVERY_CODES).exists())


def signed_in(request: HttpRequest) -> Person:
    """The person of a request to a page that asks to sign in."""
    assert isinstance(request.user, Person)
    return request.user


def clean_email(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise ArenaError("bad_email", f"{email!r} is not an e-mail address.") from None
    return email


def validate_password(password: str, *, person: Person) -> None:
    try:
        password_validation.validate_password(password, person)
    except ValidationError as error:
        raise ArenaError("weak_password", " ".join(error.messages)) from None


def password_from_environment(variable: str | None) -> str | None:
    """The password that the environment variable holds; none where no variable is named."""
    if variable is None:
        return None
    password = os.environ.get(variable)
    if not password:
        raise ArenaError(
            "password_missing", f"The environment variable {variable} is not set.", hint="It should hold the password."
        )
    return password
