"""The page that says how sessions work and how right they are, in figures. Each part of it is a template of its own."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evaluations.blinding_check import blinding_check
from evaluations.pairing import FLOOR, MOST_REPEATS
from evaluations.scopes import REAL, SIMULATION, Scope
from leaderboard import method_ranking
from leaderboard.noise import NoiseFloor, noise_floor
from leaderboard.noise_words import Group, told

SHOWN = (REAL, SIMULATION)


@dataclass(frozen=True)
class Noise:
    scope: Scope
    floor: NoiseFloor

    @property
    def groups(self) -> list[Group]:
        return told(self.floor)


def figures() -> dict[str, Any]:
    """What the page and its twin in the API tell."""
    return {
        "lease_minutes": int(settings.SESSION_LEASE.total_seconds() // 60),
        "draws": {
            "floor": FLOOR,
            "repeat_share": settings.REPEAT_SHARE,
            "same_policy_share": settings.SAME_POLICY_SHARE,
            "most_repeats": MOST_REPEATS,
        },
        "checks": [blinding_check(scope) for scope in SHOWN],
        "noise": [Noise(scope, noise_floor(scope)) for scope in SHOWN],
    }


@require_safe
def method(request: HttpRequest) -> HttpResponse:
    in_100 = {
        "repeats_in_100": f"{100 * settings.REPEAT_SHARE:g}",
        "same_policy_in_100": f"{100 * settings.SAME_POLICY_SHARE:g}",
    }
    return render(request, "leaderboard/method.html", figures() | in_100 | {"ranking": method_ranking.facts()})
