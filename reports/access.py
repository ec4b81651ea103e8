"""The only roads to reports. One on a listed version is everybody's; one on an unlisted, its lab's and stewards'."""

import uuid
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from arena import access as people
from arena.errors import AccessDenied, NotFound
from arena.models import OWNER_ROLES, Lab, Person, PolicyVersion
from evaluations.models import Session
from evaluations.selectors import with_everything
from reports.models import PolicyReport, Work

User = Person | AnonymousUser


@dataclass(frozen=True)
class Reader:
    """Who asks: in which labs they act, and in which of these as an owner of policies."""

    person: Person | None
    labs: frozenset[int] = frozenset()
    owned: frozenset[int] = frozenset()
    is_steward: bool = False


def reader(user: User) -> Reader:
    if not isinstance(user, Person):
        return Reader(None)
    return reader_in(Lab.objects.filter(memberships__person=user), user, is_steward=user.is_staff)


def reader_in(labs: QuerySet[Lab], person: Person, *, is_steward: bool) -> Reader:
    """Somebody who acts in these labs of theirs alone."""
    roles = list(person.memberships.filter(lab__in=labs).values_list("lab", "role"))
    owned = frozenset(lab for lab, role in roles if role in OWNER_ROLES)
    return Reader(person, frozenset(lab for lab, _ in roles), owned, is_steward)


def version_to_read(who: Reader, label: str) -> PolicyVersion:
    """By its public name; who belongs to its lab may also call it by its own."""
    versions = PolicyVersion.objects.select_related("policy__lab", "embodiment")
    public = versions.exclude(pool=PolicyVersion.Pool.TRIAL).shown_as(label).first()
    if public is not None and not public.is_unlisted:
        return public
    found = public or versions.labelled(label).first()
    if found is None or not _is_insider(who, found):
        raise NotFound("version_unknown", "There is no such policy, or no such version of it.")
    return found


def versions_to_read(who: Reader, first: str, second: str | None) -> tuple[PolicyVersion, PolicyVersion | None]:
    """What a report is on: a version, or one against another."""
    version = version_to_read(who, first)
    other = version_to_read(who, second) if second else None
    if version == other:
        raise NotFound("version_unknown", "A version is not compared with itself.")
    return version, other


def require_may_ask(who: Reader, *versions: PolicyVersion | None) -> None:
    """An owner of one of the versions, or a steward, has a report written."""
    if not may_ask(who, *versions):
        raise AccessDenied("not_an_owner", "Only owners of the policy and stewards may do this.")


def may_ask(who: Reader, *versions: PolicyVersion | None) -> bool:
    return who.is_steward or any(version is not None and version.policy.lab_id in who.owned for version in versions)


def report_to_read(who: Reader, report_id: uuid.UUID) -> PolicyReport:
    rows = PolicyReport.objects.select_related("version__policy__lab", "version__embodiment", "other__policy__lab")
    found = rows.filter(pk=report_id).first()
    on = [one for one in (found.version, found.other) if one is not None] if found else []
    if found is None or any(one.is_unlisted and not _is_insider(who, one) for one in on):
        raise NotFound("report_unknown", "There is no such report.")
    return found


def cited_session(session_id: uuid.UUID) -> Session:
    """A session that the whole world may see, with all that is shown of it."""
    found = with_everything(Session.objects.public().filter(pk=session_id)).first()
    if found is None:
        raise NotFound("session_unknown", "There is no session at this address.")
    return found


def work_to_review(user: User, work_id: uuid.UUID) -> Work:
    people.steward(user)
    found = Work.objects.filter(pk=work_id).first()
    if found is None:
        raise NotFound("work_unknown", "There is no such piece of work.")
    return found


def _is_insider(who: Reader, version: PolicyVersion) -> bool:
    if version.policy.lab_id in who.labs:
        return True
    return who.is_steward and who.person is not None and people.steward(who.person) is not None
