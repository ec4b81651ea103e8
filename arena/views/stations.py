"""A lab's stations, and the public list of all."""

from itertools import groupby

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from arena import access, stations
from arena.errors import ArenaError
from arena.lab_forms import USUAL_ROBOT, StationForm, tell
from arena.models import Role

FIELD_OF_ERROR = {
    "bad_name": "name",
    "station_exists": "name",
    "bad_cameras": "cameras",
    "bad_action_space": "action_spaces",
    "bad_speed": "max_speed",
    "station_has_sessions": "embodiment",
}


@require_safe
def all_stations(request: HttpRequest) -> HttpResponse:
    """By robot, for the owners of policies: where theirs may be run, and what they must respect there."""
    in_use = stations.in_use().order_by("embodiment__name", "lab__name", "name")
    robots = [(robot, list(found)) for robot, found in groupby(in_use, key=lambda station: station.embodiment)]
    return render(request, "arena/all_stations.html", {"robots": robots})


@login_required
@require_safe
def station_list(request: HttpRequest, slug: str) -> HttpResponse:
    own = access.membership(request.user, slug)
    found = own.lab.stations.select_related("embodiment").order_by("name")
    context = {
        "lab": own.lab,
        "is_admin": own.role == Role.ADMIN,
        "stations": [station for station in found if station.retired_at is None],
        "retired": [station for station in found if station.retired_at is not None],
    }
    return render(request, "arena/stations.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def station_new(request: HttpRequest, slug: str) -> HttpResponse:
    lab = access.lab_to_manage(request.user, slug)
    form = StationForm(request.POST or None, initial={"embodiment": USUAL_ROBOT})
    if request.method == "POST" and form.is_valid():
        try:
            station = stations.create_station(lab=lab, by=access.signed_in(request.user), **form.description())
            messages.success(request, f"{station.name} is described. It can be used at once.")
            return redirect("lab-stations", slug)
        except ArenaError as error:
            tell(form, error, **FIELD_OF_ERROR)
    context = {"lab": lab, "station": None, "form": form}
    return render(request, "arena/station_form.html", context, status=400 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def station_edit(request: HttpRequest, slug: str, station_id: int) -> HttpResponse:
    station = access.station_to_manage(request.user, slug, station_id)
    form = StationForm(request.POST or None, initial=StationForm.values_of(station))
    if request.method == "POST" and form.is_valid():
        try:
            stations.update_station(station=station, by=access.signed_in(request.user), **form.description())
            messages.success(request, f"{form.cleaned_data['name']} is described anew.")
            return redirect("lab-stations", slug)
        except ArenaError as error:
            tell(form, error, **FIELD_OF_ERROR)
    context = {"lab": station.lab, "station": station, "form": form, "fixed": stations.has_sessions(station)}
    return render(request, "arena/station_form.html", context, status=400 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def station_retire(request: HttpRequest, slug: str, station_id: int) -> HttpResponse:
    """Asks first: it cannot be undone."""
    station = access.station_to_manage(request.user, slug, station_id)
    if request.method != "POST":
        return render(request, "arena/station_retire.html", {"lab": station.lab, "station": station})
    stations.retire_station(station=station, now=timezone.now(), by=access.signed_in(request.user))
    messages.success(request, f"{station.name} is retired.")
    return redirect("lab-stations", slug)
