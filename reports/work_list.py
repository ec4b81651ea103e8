"""Reads for the stewards' page of background work: what it is about, for whom, and what may be done with it."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.urls import reverse

from arena.models import PolicyVersion, parts_of
from evaluations.models import Session
from reports import policy_reports
from reports.models import Work

STATES = (Work.State.FAILED, Work.State.WAITING, Work.State.RUNNING, Work.State.SKIPPED)
"""In the order of the page. What is done needs nobody."""


@dataclass(frozen=True)
class Entry:
    """One piece of work. about: what it is on, in words; address: its page; lab: for whom."""

    work: Work
    about: str
    address: str
    lab: str

    @property
    def may_be_retried(self) -> bool:
        return self.work.state in (Work.State.FAILED, Work.State.WAITING, Work.State.SKIPPED)

    @property
    def may_be_skipped(self) -> bool:
        return self.work.state in (Work.State.FAILED, Work.State.WAITING)


def chosen(asked: str | None) -> Work.State:
    """What to list: what is asked for, else what needs a steward most."""
    return next((state for state in STATES if state == asked), STATES[0])


def states() -> list[tuple[Work.State, int]]:
    """Each with how many there are."""
    counts = dict(Work.objects.order_by().values_list("state").annotate(n=Count("pk")))
    return [(state, counts.get(state, 0)) for state in STATES]


def failed() -> QuerySet[Work]:
    return Work.objects.filter(state=Work.State.FAILED)


def listed(state: Work.State, *, first: Sequence[uuid.UUID] = ()) -> QuerySet[Work]:
    """Those of a state, the oldest first, before them these."""
    before = Case(When(pk__in=first, then=Value(0)), default=Value(1), output_field=IntegerField())
    return Work.objects.filter(Q(state=state) | Q(pk__in=first)).order_by(before, "asked_at", "pk")


def entries(rows: Iterable[Work]) -> list[Entry]:
    """In a fixed number of queries."""
    rows = list(rows)
    sessions = _sessions(rows)
    versions = _versions(rows)
    return [_of_session(one, sessions) if one.kind == Work.Kind.TAG_SESSION else _on(one, versions) for one in rows]


def _sessions(rows: Sequence[Work]) -> dict[str, Session]:
    wanted = [one.subject for one in rows if one.kind == Work.Kind.TAG_SESSION and _is_uuid(one.subject)]
    return {str(one.pk): one for one in Session.objects.select_related("lab").filter(pk__in=wanted)}


def _versions(rows: Sequence[Work]) -> dict[str, PolicyVersion]:
    labels = {label for one in rows if one.kind == Work.Kind.WRITE_REPORT for label in one.subject.split(" ")}
    slugs = {parts_of(label)[0] for label in labels}
    found = PolicyVersion.objects.filter(policy__slug__in=slugs).select_related("policy__lab")
    return {one.label: one for one in found if one.label in labels}


def _of_session(work: Work, sessions: dict[str, Session]) -> Entry:
    session = sessions.get(work.subject)
    if session is None:
        return Entry(work, work.subject, "", "")
    return Entry(work, session.instruction, reverse("session", args=[session.pk]), session.lab.name)


def _on(work: Work, versions: dict[str, PolicyVersion]) -> Entry:
    on = [versions[label] for label in work.subject.split(" ") if label in versions]
    if not on:
        return Entry(work, work.subject, "", "")
    address = policy_reports.address(*on)
    labs = dict.fromkeys(one.policy.lab.name for one in on if one.policy.lab)
    return Entry(work, work.subject.replace(" ", " against "), address, ", ".join(labs))


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
