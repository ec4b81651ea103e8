"""Who the names in inputs and snapshots stand for.

What boards are computed from calls a version that was registered unlisted by its pseudonym, for good: a snapshot is
never rewritten, and gives the same numbers before the version is listed and after. Readers ask here what to show.
"""

import re
from collections.abc import Iterable
from typing import Any

from django.db.models import Q

from arena.models import PolicyVersion

PSEUDONYM = re.compile(r"\bunlisted\.[A-Za-z0-9_-]+@\d+")


def versions_named(names: Iterable[str]) -> dict[str, PolicyVersion]:
    """The versions behind names of an input, by these; without those that are not in the registry any more."""
    wanted = set(names)
    slugs = {name.rpartition("@")[0] for name in wanted}
    found = PolicyVersion.objects.filter(Q(policy__slug__in=slugs, pseudonym="") | Q(pseudonym__in=wanted - {""}))
    return {one.input_label: one for one in found.select_related("policy__lab") if one.input_label in wanted}


class Names:
    """What to show for the names of inputs: other ones for what was listed since."""

    def __init__(self, texts: Iterable[str]) -> None:
        pseudonyms = {name for text in texts for name in PSEUDONYM.findall(text)}
        listed = PolicyVersion.objects.filter(pseudonym__in=pseudonyms, listed_at__isnull=False)
        rows = listed.select_related("policy") if pseudonyms else ()
        self._shown = {one.pseudonym: one.label for one in rows}

    def shown(self, text: str) -> str:
        """A name, or a sentence with names in it."""
        return PSEUDONYM.sub(lambda found: self._shown.get(found[0], found[0]), text) if self._shown else text


def influence(result: dict[str, Any]) -> list[dict[str, Any]]:
    """What a snapshot's order owes to each lab, with the names to show."""
    rows: list[dict[str, Any]] = result.get("influence", [])
    names = Names(row[name] for row in rows for name in ("of_policy", "leader_without"))
    return [row | {name: names.shown(row[name]) for name in ("of_policy", "leader_without")} for row in rows]
