"""The bodies of evidence that are never mixed: real sessions, imported ones, and simulation."""

from dataclasses import dataclass

from django.conf import settings

from arena.errors import NotFound
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


def chosen_scope(slug: str | None) -> Scope:
    """The scope that a visitor asked for; without a wish the first that has a valid session. Raises NotFound."""
    if not slug:
        return next((scope for scope in SCOPES if scope.sessions().valid().exists()), _first_to_fill())
    for scope in SCOPES:
        if scope.slug == slug:
            return scope
    raise NotFound("board_unknown", "There is no such board.", hint=f"There are {', '.join(s.slug for s in SCOPES)}.")


def _first_to_fill() -> Scope:
    return SIMULATION if settings.DEMO else REAL
