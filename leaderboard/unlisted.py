"""What labs do with versions that nobody is told the name of: whoever tries many and shows the best is seen to."""

from dataclasses import dataclass

from django.db.models import Count, F, Q

from arena.models import UNLISTED, PolicyVersion
from evaluations.scopes import Scope

_WITHDRAWN = UNLISTED & Q(pool=PolicyVersion.Pool.RETIRED)


@dataclass(frozen=True)
class UnlistedOfLab:
    """Versions that a lab has ever registered unlisted: those that are so today, were listed since, or withdrawn."""

    lab: str
    name: str
    registered: int
    unlisted: int
    listed: int
    withdrawn: int
    """Taken out of the pool for good without ever being listed."""


def by_lab(scope: Scope) -> list[UnlistedOfLab]:
    """Whoever has withdrawn most comes first."""
    found = PolicyVersion.objects.exclude(pseudonym="").filter(policy__simulated=scope.simulated)
    rows = (
        found.filter(policy__source=scope.source)
        .order_by()
        .values(lab=F("policy__lab__slug"), name=F("policy__lab__name"))
        .annotate(
            registered=Count("pk"),
            unlisted=Count("pk", filter=UNLISTED & ~Q(pool=PolicyVersion.Pool.RETIRED)),
            listed=Count("pk", filter=~UNLISTED),
            withdrawn=Count("pk", filter=_WITHDRAWN),
        )
    )
    return sorted((UnlistedOfLab(**row) for row in rows), key=lambda one: (-one.withdrawn, -one.registered, one.lab))
