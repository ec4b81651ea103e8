"""Accounts: who may sign in."""

import os

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from arena import audit
from arena.errors import ArenaError, Conflict
from arena.models import Person


@transaction.atomic
def create_person(*, email: str, name: str = "", password: str | None = None, steward: bool = False) -> Person:
    """An account; without a password nobody can sign in to it."""
    email = clean_email(email)
    if password is not None:
        validate_password(password, person=Person(email=email, name=name))
    create = Person.objects.create_superuser if steward else Person.objects.create_user
    try:
        with transaction.atomic():
            return create(email, password, name=name)
    except IntegrityError:
        raise Conflict("person_exists", f"There is an account {email} already.") from None


@transaction.atomic
def create_steward(*, email: str, password: str | None = None) -> Person:
    person = create_person(email=email, password=password, steward=True)
    audit.record("steward:created", subject=f"person:{person.pk}", person=person)
    return person


def find_person(email: str) -> Person | None:
    return Person.objects.filter(email=email.strip().lower()).first()


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
