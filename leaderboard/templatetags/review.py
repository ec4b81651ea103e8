"""`{% review_tabs "oddities" %}`: the way between the stewards' pages, with how much waits on each."""

from typing import Any

from django import template

from leaderboard import review

register = template.Library()


@register.inclusion_tag("leaderboard/review/tabs.html")
def review_tabs(here: str) -> dict[str, Any]:
    """here: the name of the list that the page is, or belongs to."""
    return {"here": here, "queues": review.queues(), "boards_frozen": review.boards_frozen()}
