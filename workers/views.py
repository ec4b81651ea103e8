from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from workers import health, line


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """For supervisors and load balancers: 200 while this process can serve pages."""
    found = health.parts()
    well = all(part.well for part in found if part.name == "database")
    return JsonResponse({part.name: part.well for part in found}, status=200 if well else 503)


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    try:
        found = line.lines(now=now)
    except DatabaseError:  # the parts say so
        found = []
    return render(request, "workers/status.html", {"parts": health.parts(), "lines": found, "now": now})
