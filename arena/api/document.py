"""The OpenAPI document as it is checked in, and the page that shows it to people."""

from functools import lru_cache
from typing import Any

import yaml
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from arena.api import reference

PATH = settings.BASE_DIR / "docs" / "openapi.yaml"


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    return dict(yaml.safe_load(PATH.read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def groups() -> list[reference.Group]:
    return reference.groups_of(document(), server=settings.PUBLIC_URL)


@require_safe
def openapi_json(request: HttpRequest) -> JsonResponse:
    """Pages of any origin may read it."""
    return JsonResponse(document(), headers={"Access-Control-Allow-Origin": "*"})


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    context = {
        "groups": groups(),
        "server": settings.PUBLIC_URL,
        "reads": settings.API_READS_PER_MINUTE,
        "writes": settings.API_WRITES_PER_MINUTE,
        "anonymous": settings.API_ANONYMOUS_PER_MINUTE,
    }
    return render(request, "arena/api_docs.html", context)
