"""What concerns one person: their labs and their own sessions, never a side. What was done is in `events`."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from arena import affiliations, stations
from arena.models import OWNER_ROLES, Lab, Membership, Person, PolicyVersion, Role, Station
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
        return self.membership.role in OWNER_ROLES


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
