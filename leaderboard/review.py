"""What waits for the stewards, from all over the platform."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from arena import applications
from evaluations import appeals, session_reports
from leaderboard.models import Freeze, Oddity
from leaderboard.oddity_checks import WORDS, Check


@dataclass(frozen=True)
class Queue:
    """One kind of what waits. name: of the route of its list."""

    name: str
    title: str
    waiting: int


@dataclass(frozen=True)
class Waiting:
    queue: str
    title: str
    address: str
    since: datetime


_further: list[Callable[[], Queue]] = []


def add_queue(queue: Callable[[], Queue]) -> None:
    """Called by apps that stand above, once each: a queue of theirs has a place among the tabs."""
    _further.append(queue)


def queues() -> list[Queue]:
    return [
        Queue("applications", "Applications", applications.waiting().count()),
        Queue("oddities", "Oddities", Oddity.objects.filter(looked_at=None).count()),
        Queue("session-reports", "Reports", session_reports.waiting().count()),
        Queue("appeals", "Appeals", appeals.waiting().count()),
        *(queue() for queue in _further),
    ]


def boards_frozen() -> int:
    return Freeze.objects.living().count()


def waiting() -> list[Waiting]:
    """The oldest first."""
    return sorted((*_applications(), *_oddities(), *_reports(), *_appeals()), key=lambda one: one.since)


def _applications() -> Iterator[Waiting]:
    for one in applications.waiting():
        yield Waiting("Application", one.lab_name, reverse("application", args=[one.pk]), one.created_at)


def _oddities() -> Iterator[Waiting]:
    for one in Oddity.objects.filter(looked_at=None):
        title = f"{one.get_kind_display()} {one.name} {WORDS[Check(one.check_name)]}"
        yield Waiting("Oddity", title, f"{reverse('oddities')}#oddity-{one.pk}", one.first_seen)


def _reports() -> Iterator[Waiting]:
    for one in session_reports.waiting():
        title = f"{one.get_kind_display()}: {one.session.instruction}"
        yield Waiting("Report", title, reverse("session-report-review", args=[one.pk]), one.created_at)


def _appeals() -> Iterator[Waiting]:
    for one in appeals.waiting():
        title = f"excluded for {one.exclusion.reason}: {one.exclusion.session.instruction}"
        yield Waiting("Appeal", title, reverse("appeal", args=[one.pk]), one.created_at)
