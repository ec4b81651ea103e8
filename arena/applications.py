"""A lab applies to take part, and a steward decides."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.urls import reverse

from arena import affiliations, audit, labs, notices
from arena.errors import AccessDenied, ArenaError, Conflict, NotFound
from arena.models import Application, Lab, Membership, NoticeKind, Person, Role, Source
from arena.texts import clean_text

# Which wording templates/arena/terms.html holds. A new wording is a new version: what was agreed to stays known.
TERMS_VERSION = "2026-11"
LONGEST_TEXT = 2000

State = Application.State


@dataclass(frozen=True)
class ApplicationText:
    """What a lab says of itself."""

    lab_name: str
    about: str
    robots: str
    website: str = ""
    affiliated_labs: Collection[Lab] = ()
    other_affiliations: str = ""


@transaction.atomic
def apply(*, person: Person, text: ApplicationText, terms: str, now: datetime) -> Application:
    """Ask for a lab. One waits at a time; the terms agreed to must be the present ones."""
    if terms != TERMS_VERSION:
        raise Conflict("terms_changed", "The terms have changed since you read them.", hint="Read them again.")
    fields = _clean(text)
    try:
        with transaction.atomic():
            application = Application.objects.create(person=person, terms=terms, created_at=now, **fields)
    except IntegrityError:
        raise Conflict("application_pending", "An application of yours is waiting already.") from None
    application.affiliated_labs.set(text.affiliated_labs)
    audit.record("application:made", subject=_subject(application), person=person, lab_name=application.lab_name)
    _tell_stewards(application)
    return application


@transaction.atomic
def approve(*, application_id: uuid.UUID, by: Person, now: datetime, comment: str = "") -> Application:
    """Make the lab: the applicant becomes its admin, and the labs that it named as close are affiliated with it."""
    application = _locked(application_id, by)
    if _was_decided(application, State.APPROVED):
        return application
    lab = labs.create_lab(name=application.lab_name)
    Membership.objects.create(lab=lab, person=application.person, role=Role.ADMIN)
    audit.record("member:added", subject=f"person:{application.person_id}", person=by, lab=lab, role=Role.ADMIN)
    for other in application.affiliated_labs.all():
        affiliations.declare(lab=lab, other=other, by=application.person, comment="declared when the lab applied")
    application.lab = lab
    _decide(application, State.APPROVED, by=by, now=now, comment=comment)
    return application


@transaction.atomic
def decline(*, application_id: uuid.UUID, by: Person, now: datetime, comment: str) -> Application:
    """Say no, with the reason that the applicant is told. They may apply again."""
    application = _locked(application_id, by)
    if _was_decided(application, State.DECLINED):
        return application
    clean_text(comment, field="comment", longest=LONGEST_TEXT, required=True)
    _decide(application, State.DECLINED, by=by, now=now, comment=comment)
    return application


def waiting() -> QuerySet[Application]:
    """What stewards have to decide on, the oldest first."""
    return Application.objects.filter(state=State.PENDING).select_related("person").order_by("created_at")


def decided() -> QuerySet[Application]:
    return (
        Application.objects.exclude(state=State.PENDING).select_related("person", "decided_by").order_by("-decided_at")
    )


def latest_of(person: Person) -> Application | None:
    return person.applications.select_related("lab").prefetch_related("affiliated_labs").first()


def labs_that_own_policies() -> QuerySet[Lab]:
    """Whom an applicant may be close to: the labs that have registered policies here."""
    return Lab.objects.filter(source=Source.REGISTERED, policies__isnull=False).distinct()


def require_free_name(name: str) -> str:
    """The name as it would be kept. Whether it is still free is decided when a steward approves."""
    name = labs.clean_name(name, what="A lab")
    if Lab.objects.filter(source=Source.REGISTERED, name__iexact=name).exists():
        raise Conflict("lab_exists", f"There is a lab named {name} already.", hint="Ask its admin to invite you.")
    return name


def _clean(text: ApplicationText) -> dict[str, str]:
    website = text.website.strip()
    if website:
        try:
            URLValidator(schemes=["http", "https"])(website)
        except ValidationError:
            raise ArenaError("bad_field", "website: this is not a web address.") from None
    return {
        "lab_name": require_free_name(text.lab_name),
        "about": clean_text(text.about, field="about", longest=LONGEST_TEXT, required=True),
        "robots": clean_text(text.robots, field="robots", longest=LONGEST_TEXT, required=True),
        "website": clean_text(website, field="website", longest=200),
        "other_affiliations": clean_text(text.other_affiliations, field="other_affiliations", longest=LONGEST_TEXT),
    }


def _locked(application_id: uuid.UUID, by: Person) -> Application:
    if not by.is_staff:
        raise AccessDenied("not_a_steward", "Only a steward decides on applications.")
    rows = Application.objects.select_for_update(of=("self",)).select_related("person", "decided_by", "lab")
    application = rows.filter(pk=application_id).first()
    if application is None:
        raise NotFound("application_unknown", "There is no such application.")
    return application


def _was_decided(application: Application, wanted: State) -> bool:
    """Whether it was decided so already. The first decision stands: another one is told of it."""
    if application.state == State.PENDING:
        return False
    if application.state == wanted:
        return True
    raise Conflict(
        "application_decided",
        f"{application.decided_by} has {application.get_state_display()} this application already.",
    )


def _decide(application: Application, state: State, *, by: Person, now: datetime, comment: str) -> None:
    application.state = state
    application.decided_at = now
    application.decided_by = by
    application.comment = clean_text(comment, field="comment", longest=LONGEST_TEXT)
    application.save(update_fields=["state", "decided_at", "decided_by", "comment", "lab"])
    audit.record(f"application:{state}", subject=_subject(application), person=by, lab=application.lab)
    _tell_applicant(application)


def _tell_applicant(application: Application) -> None:
    name, approved = application.lab_name, application.state == State.APPROVED
    told = f"{name} is a lab of Policy Arena now, and you are its admin." if approved else f"{name} was not approved."
    comment = f"\n\nThe steward writes:\n{application.comment}" if application.comment else ""
    notices.write(
        kind=NoticeKind.APPLICATION_DECIDED,
        person=application.person,
        key=f"application-decided:{application.pk}",
        subject=f"Your application for {name}: {application.get_state_display()}",
        text=told + comment,
        path=reverse("lab" if approved else "join"),
    )


def _tell_stewards(application: Application) -> None:
    for steward in Person.objects.filter(is_staff=True, is_active=True):
        notices.write(
            kind=NoticeKind.APPLICATION_RECEIVED,
            person=steward,
            key=f"application-received:{application.pk}:{steward.pk}",
            subject=f"{application.lab_name} applies",
            text=f"{application.person.email} applies for the lab {application.lab_name}.",
            path=reverse("application", args=[application.pk]),
        )


def _subject(application: Application) -> str:
    return f"application:{application.pk}"
