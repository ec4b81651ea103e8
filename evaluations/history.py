"""What concerns one person: their labs, their own sessions, and what was done with their account. Never a side."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from arena import affiliations, stations
from arena.models import AuditEvent, Lab, Membership, Person, PolicyVersion, Role, Station
from evaluations.models import Session

RECENT_SESSIONS = 10

Row = TypeVar("Row")


@dataclass(frozen=True)
class LabPage:
    membership: Membership
    stations: list[Station]
    open_sessions: list[Session]
    closed_sessions: list[Session]
    policies: list[PolicyVersion]
    affiliated: list[Lab]
    # Other labs' stations at which the lab's policies may be run.
    hosts: list[Station]

    @property
    def is_admin(self) -> bool:
        return self.membership.role == Role.ADMIN

    @property
    def may_own(self) -> bool:
        """Whether this member registers policies and orders evaluations."""
        return self.membership.role in (Role.OWNER, Role.ADMIN)


def labs_of(person: Person) -> list[LabPage]:
    """A member's labs: stations, policies, affiliations, own sessions. The same number of queries for any of them."""
    memberships = list(person.memberships.select_related("lab").order_by("lab__name"))
    labs = [membership.lab for membership in memberships]
    own = Session.objects.filter(evaluator=person, lab__in=labs)
    by_lab_stations = _by_lab(stations.in_use().filter(lab__in=labs).order_by("name"))
    by_lab_open = _by_lab(own.open().order_by("-opened_at"))
    by_lab_closed = _by_lab(_latest_of_each_lab(own.closed().with_exclusion()))
    by_lab_policies = _policies(labs)
    by_lab_affiliated = _affiliated(labs)
    hosts = stations.open_to_policies_of(labs)
    return [
        LabPage(
            membership=membership,
            stations=by_lab_stations[membership.lab_id],
            open_sessions=by_lab_open[membership.lab_id],
            closed_sessions=by_lab_closed[membership.lab_id],
            policies=by_lab_policies[membership.lab_id],
            affiliated=by_lab_affiliated[membership.lab_id],
            hosts=hosts[membership.lab_id],
        )
        for membership in memberships
    ]


def own_sessions(person: Person) -> QuerySet[Session]:
    """A person's own sessions, the latest first, as a list shows them: without sides, which may not be revealed yet."""
    return (
        Session.objects.filter(evaluator=person).select_related("lab", "exclusion__appeal").order_by("-opened_at", "id")
    )


def _by_lab(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.lab_id].append(row)
    return found


def _latest_of_each_lab(closed: QuerySet[Session]) -> QuerySet[Session]:
    nth = Window(RowNumber(), partition_by="lab", order_by=F("closed_at").desc())
    return closed.annotate(nth=nth).filter(nth__lte=RECENT_SESSIONS).order_by("-closed_at")


def _policies(labs: Collection[Lab]) -> dict[int | None, list[PolicyVersion]]:
    found: dict[int | None, list[PolicyVersion]] = defaultdict(list)
    versions = PolicyVersion.objects.filter(policy__lab__in=labs)
    for version in versions.select_related("policy", "embodiment", "endpoint").order_by("policy", "created_at"):
        found[version.policy.lab_id].append(version)
    return found


def _affiliated(labs: Collection[Lab]) -> dict[int, list[Lab]]:
    found: dict[int, list[Lab]] = defaultdict(list)
    living = affiliations.living().filter(Q(lab__in=labs) | Q(other__in=labs)).select_related("lab", "other")
    for affiliation in living:
        found[affiliation.lab_id].append(affiliation.other)
        found[affiliation.other_id].append(affiliation.lab)
    return found


# What was done with an account, in words

WORDS = {
    "affiliation:declared": "Affiliation of {lab} declared",
    "affiliation:ended": "Affiliation of {lab} ended",
    "api-key:created": "API key “{name}” made for {lab}",
    "api-key:revoked": "API key “{name}” of {lab} revoked",
    "application:approved": "Application for {lab} approved",
    "application:declined": "Application declined",
    "application:made": "Application for {lab_name} sent",
    "credits:granted": "{amount} credits granted to {lab}: {comment}",
    "invitation:accepted": "Invitation to {lab} accepted",
    "invitation:resent": "Invitation to {lab} sent again",
    "invitation:revoked": "Invitation to {lab} revoked",
    "invitation:sent": "{email} invited to {lab}",
    "key:created": "Access code made for a station of {lab}",
    "key:revoked": "Access code at a station of {lab} revoked",
    "member:added": "Member of {lab} now, as {role}",
    "member:left": "{lab} left; its keys ended",
    "member:removed": "Membership of {lab} ended, and its keys",
    "member:role": "Role in {lab} changed to {role}",
    "notices:chosen": "Choice of notices changed",
    "policy:check-asked": "Server of a policy of {lab} checked",
    "policy:endpoint-moved": "Policy of {lab} served elsewhere",
    "policy:paused": "Policy version of {lab} paused",
    "policy:registered": "Policy version of {lab} registered",
    "policy:resumed": "Policy version of {lab} resumed",
    "policy:retired": "Policy version of {lab} retired",
    "request:cancelled": "Request of {lab} cancelled",
    "request:paused": "Request of {lab} paused",
    "request:placed": "{wanted} evaluations of {version} ordered for {lab}",
    "request:resumed": "Request of {lab} resumed",
    "person:email-changed": "E-mail of the account changed",
    "person:email-confirmed": "E-mail confirmed",
    "person:mfa-activated": "Second factor set up",
    "person:mfa-deactivated": "Second factor removed",
    "person:password-changed": "Password changed",
    "person:password-reset": "Password reset by e-mail",
    "person:recovery-codes-made": "Recovery codes made",
    "person:sign-in-connected": "Sign-in by {provider} connected",
    "person:sign-in-disconnected": "Sign-in by {provider} disconnected",
    "person:signed-up": "Account made",
    "person:vouched": "E-mail taken as confirmed",
    "session:reported": "A session reported",
    "exclusion:appealed": "The exclusion of a session appealed against",
    "station:changed": "Station of {lab} described anew",
    "station:created": "Station of {lab} described",
    "station:retired": "Station of {lab} retired",
    "steward:created": "Steward now",
}


# Recorded with the person that they are about; only an operator's command does them.
BY_THE_OPERATOR = frozenset({"person:vouched", "steward:created"})


@dataclass(frozen=True)
class EventInWords:
    event: AuditEvent
    text: str
    by: str
    # The other person that it was done to, where it was done by this one.
    whom: str


class _Details(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"


def own_events(person: Person) -> QuerySet[AuditEvent]:
    """What a person did to accounts, labs and keys, and what others did to theirs; the latest first."""
    concerned = [f"person:{person.pk}"]
    concerned += [f"key:{pk}" for pk in person.client_keys.values_list("pk", flat=True)]
    concerned += [f"api-key:{pk}" for pk in person.api_keys.values_list("pk", flat=True)]
    concerned += [f"application:{pk}" for pk in person.applications.values_list("pk", flat=True)]
    events = AuditEvent.objects.filter(Q(person=person) | Q(subject__in=concerned), tag__in=WORDS)
    return events.select_related("person", "lab").order_by("-at", "id")


def in_words(events: Collection[AuditEvent], person: Person) -> list[EventInWords]:
    """The events of a page as sentences, with one query for the other people in them."""
    ids = {_person_in(event.subject) for event in events} - {person.pk}
    names = {found.pk: str(found) for found in Person.objects.filter(pk__in=ids)}
    return [
        EventInWords(event, _text(event), _by(event, person), names.get(_person_in(event.subject), ""))
        for event in events
    ]


def _person_in(subject: str) -> int:
    kind, _, pk = subject.partition(":")
    return int(pk) if kind == "person" else 0


def _text(event: AuditEvent) -> str:
    details = _Details({name: str(value) for name, value in event.details.items()})
    details["lab"] = event.lab.name if event.lab else "…"
    if "role" in details:
        details["role"] = dict(Role.choices).get(details["role"], details["role"])
    return WORDS[event.tag].format_map(details)


def _by(event: AuditEvent, person: Person) -> str:
    if event.person is None or event.tag in BY_THE_OPERATOR:
        return "the operator"
    if event.person == person:
        return "you"
    return "a steward" if event.person.is_staff else str(event.person)
