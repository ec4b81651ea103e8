"""The bodies of evidence that are never mixed: real sessions, imported ones, and simulation."""

from dataclasses import dataclass

from arena.models import Source
from evaluations.models import Session, SessionQuerySet


@dataclass(frozen=True)
class Scope:
    slug: str
    title: str
    description: str
    source: Source
    simulated: bool

    def sessions(self) -> SessionQuerySet:
        return Session.objects.filter(source=self.source, simulated=self.simulated)


REAL = Scope("overall", "Overall", "Real robots at partner labs.", Source.REGISTERED, simulated=False)
IMPORTED = Scope(
    "imported",
    "Imported",
    "Evaluations that others published, as they were: no pair probability is known and nothing is claimed about their "
    "blinding.",
    Source.IMPORTED,
    simulated=False,
)
SIMULATION = Scope(
    "simulation", "Simulation", "Simulated labs: real physics, no real robot.", Source.REGISTERED, simulated=True
)

SCOPES = (REAL, IMPORTED, SIMULATION)


def default_scope() -> Scope:
    """What a visitor sees first: the first scope that has a valid session."""
    for scope in SCOPES:
        if scope.sessions().valid().exists():
            return scope
    return REAL


def scope_named(slug: str | None) -> Scope | None:
    return next((scope for scope in SCOPES if scope.slug == slug), None)
