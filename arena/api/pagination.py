"""Lists come in pages: {"count", "next", "previous", "results"}."""

from collections.abc import Callable, Sequence
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from arena.api.fields import Input, Output
from arena.errors import NotFound

PAGE_SIZE = 50
LARGEST_PAGE = 200


class PageQuery(Input):
    page = serializers.IntegerField(min_value=1, max_value=1_000_000, default=1, help_text="Which page, from 1.")
    page_size = serializers.IntegerField(
        min_value=1, max_value=LARGEST_PAGE, default=PAGE_SIZE, help_text="How many a page."
    )


class PageOutput(Output):
    count = serializers.IntegerField(help_text="How many there are on all pages.")
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


def page_of(
    request: Request, rows: "QuerySet[Any] | Sequence[Any]", asked: dict[str, Any], shown: Callable[[Any], Any]
) -> dict[str, Any]:
    """One page of `rows`, each as `shown` says. A page beyond the last is not there; the first always is."""
    paginator = Paginator(rows, asked["page_size"])
    number = asked["page"]
    if number > paginator.num_pages:
        raise NotFound("page_unknown", f"There are {paginator.num_pages} pages.")
    page = paginator.page(number)
    return {
        "count": paginator.count,
        "next": _address(request, number + 1) if page.has_next() else None,
        "previous": _address(request, number - 1) if page.has_previous() else None,
        "results": [shown(row) for row in page.object_list],
    }


def _address(request: Request, number: int) -> str:
    query = request.query_params.copy()
    query["page"] = str(number)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
