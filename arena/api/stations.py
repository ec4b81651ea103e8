"""A lab's stations, and the access codes of RoboArena clients at them."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena import access, keys, stations
from arena.api.fields import Input, NothingInput, Number, OneOf, Output, Text, Whole
from arena.api.labs import LabView
from arena.api.pagination import PageOutput, PageQuery, page_of
from arena.api.permissions import ANY_KEY, MANAGE, READ_OR_MANAGE, labs_of, person
from arena.api.views import answer, read
from arena.errors import NotFound
from arena.models import ActionSpace, Camera, ClientKey, Membership, Person, Role, Station
from arena.stations import GREATEST_SPEED, StationLimits

LARGEST_ID = 2**63 - 1
_LIMITS = ("action_spaces", "place", "max_speed", "workspace", "safety_notes")


class StationInput(Input):
    name = Text(max_length=60)
    cameras = serializers.ListField(child=OneOf(choices=Camera.choices), min_length=1, max_length=3)
    embodiment = Text(max_length=60, default="DROID")
    action_spaces = serializers.ListField(child=OneOf(choices=ActionSpace.choices), default=list, max_length=4)
    place = Text(max_length=120, allow_blank=True, default="")
    max_speed = Number(allow_null=True, default=None, max_value=GREATEST_SPEED, help_text="Of the hand, m/s; above 0.")
    workspace = Text(max_length=200, allow_blank=True, default="")
    safety_notes = Text(max_length=2000, allow_blank=True, default="")


class StationChangeInput(StationInput):
    """Only what is to change."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.required, field.default = False, serializers.empty


class StationOutput(Output):
    id = serializers.IntegerField()
    name = serializers.CharField()
    lab = serializers.SlugField()
    embodiment = serializers.CharField()
    cameras = serializers.ListField(child=serializers.ChoiceField(choices=Camera.choices))
    action_spaces = serializers.ListField(child=serializers.ChoiceField(choices=ActionSpace.choices))
    place = serializers.CharField(allow_blank=True)
    max_speed = serializers.FloatField(allow_null=True)
    workspace = serializers.CharField(allow_blank=True)
    safety_notes = serializers.CharField(allow_blank=True)
    simulated = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    retired_at = serializers.DateTimeField(allow_null=True)


class StationPageOutput(PageOutput):
    results = StationOutput(many=True)


class ClientKeyInput(Input):
    station = Whole(min_value=1, max_value=LARGEST_ID)
    email = Text(max_length=254, required=False, help_text="Whose it is to be; yours, where it is left out.")


class ClientKeyOutput(Output):
    id = serializers.IntegerField()
    prefix = serializers.CharField()
    email = serializers.EmailField()
    station = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class ClientKeyPageOutput(PageOutput):
    results = ClientKeyOutput(many=True)


class NewClientKeyOutput(ClientKeyOutput):
    code = serializers.CharField(allow_null=True, help_text="Told once; null where the request is repeated.")


class LabStations(LabView):
    tag = "Stations"
    access = {"GET": ANY_KEY, "POST": MANAGE}
    queries = {"GET": PageQuery}

    @extend_schema(responses=StationPageOutput)
    def get(self, request: Request, slug: str) -> Response:
        """The stations of a lab of yours, also those that were retired."""
        found = self.membership(request, slug).lab.stations.select_related("lab", "embodiment").order_by("name")
        return answer(StationPageOutput, page_of(request, found, self.query, station_shown))

    @extend_schema(request=StationInput, responses={201: StationOutput})
    def post(self, request: Request, slug: str) -> Response:
        """Describe a robot of your lab."""
        lab = self.managed(request, slug)
        said = read(StationInput, request.data)
        limits = StationLimits(**{name: said.pop(name) for name in _LIMITS})
        made = stations.create_station(lab=lab, limits=limits, by=person(request), **said)
        return answer(StationOutput, station_shown(made), status=201)


class StationDetail(LabView):
    tag = "Stations"
    access = {"GET": ANY_KEY, "PATCH": MANAGE}

    @extend_schema(responses=StationOutput)
    def get(self, request: Request, station_id: int) -> Response:
        """A station of a lab of yours."""
        return answer(StationOutput, station_shown(own_station(request, station_id)))

    @extend_schema(request=StationChangeInput, responses=StationOutput)
    def patch(self, request: Request, station_id: int) -> Response:
        """Describe it anew, as far as fields are given. Its robot stays the same from its first session on."""
        station = managed_station(request, station_id)
        said = read(StationChangeInput, request.data)
        stands = {name: getattr(station, name) for name in ("name", "cameras", *_LIMITS)}
        wanted = stands | {"embodiment": station.embodiment.name} | said
        limits = StationLimits(**{name: wanted.pop(name) for name in _LIMITS})
        changed = stations.update_station(station=station, limits=limits, by=person(request), **wanted)
        return answer(StationOutput, station_shown(changed))


class StationRetire(LabView):
    tag = "Stations"
    access = {"POST": MANAGE}

    @extend_schema(request=NothingInput, responses=StationOutput)
    def post(self, request: Request, station_id: int) -> Response:
        """It opens no session any more. What was found there stays; a repeat changes nothing."""
        station = managed_station(request, station_id)
        read(NothingInput, request.data or {})
        stations.retire_station(station=station, now=timezone.now(), by=person(request))
        station.refresh_from_db(fields=["retired_at"])
        return answer(StationOutput, station_shown(station))


class LabClientKeys(LabView):
    tag = "Access codes"
    access = {"GET": READ_OR_MANAGE, "POST": MANAGE}
    queries = {"GET": PageQuery}
    told_once = ("code",)

    @extend_schema(responses=ClientKeyPageOutput)
    def get(self, request: Request, slug: str) -> Response:
        """Living access codes of RoboArena clients: an admin sees all, a member their own."""
        found = _codes_seen_by(self.membership(request, slug))
        return answer(ClientKeyPageOutput, page_of(request, found, self.query, _client_key))

    @extend_schema(request=ClientKeyInput, responses={201: NewClientKeyOutput})
    def post(self, request: Request, slug: str) -> Response:
        """Make an access code for a member at a station. An admin for any member, others for themselves."""
        own = self.membership(request, slug)
        said = read(ClientKeyInput, request.data)
        whom = _member_named(own, said.get("email"))
        station = access.station_of_lab(person(request), slug, said["station"])
        key, code = keys.create_client_key(person=whom, station=station, by=person(request))
        return answer(NewClientKeyOutput, _client_key(key) | {"code": code}, status=201)


class ClientKeyDetail(LabView):
    tag = "Access codes"
    access = {"DELETE": MANAGE}

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, key_id: int) -> Response:
        """Revoke an access code: your own, or as an admin any of the lab's. A repeat changes nothing."""
        slug = labs_of(request).filter(stations__client_keys=key_id).values_list("slug", flat=True).first()
        key = access.client_key_to_revoke(person(request), slug or "", key_id)
        keys.revoke_client_key(key=key, by=person(request))
        return Response(status=204)


def own_station(request: Request, station_id: int) -> Station:
    """A station of a lab in which the request may act."""
    found = Station.objects.filter(lab__in=labs_of(request)).select_related("lab", "embodiment")
    station = found.filter(pk=station_id).first()
    if station is None:
        raise NotFound("station_unknown", "You have no such station.")
    return station


def managed_station(request: Request, station_id: int) -> Station:
    slug = own_station(request, station_id).lab.slug
    return access.station_to_manage(person(request), slug, station_id)


def station_shown(station: Station) -> dict[str, Any]:
    names = ("name", "cameras", *_LIMITS, "simulated", "created_at", "retired_at")
    facts = {name: getattr(station, name) for name in names}
    return facts | {"id": station.pk, "lab": station.lab.slug, "embodiment": station.embodiment.name}


def _codes_seen_by(own: Membership) -> QuerySet[ClientKey]:
    found = ClientKey.objects.filter(station__lab=own.lab, revoked_at=None, station__retired_at=None)
    if own.role != Role.ADMIN:
        found = found.filter(person=own.person_id)
    return found.select_related("person").order_by("-created_at", "pk")


def _member_named(own: Membership, email: str | None) -> Person:
    """Whom an access code is for. Whoever is no admin knows themselves alone."""
    people = Person.objects.filter(memberships__lab=own.lab, is_active=True)
    if own.role != Role.ADMIN:
        people = people.filter(pk=own.person_id)
    found = people.filter(email=email.strip().lower()) if email is not None else people.filter(pk=own.person_id)
    whom = found.first()
    if whom is None:
        raise NotFound("person_unknown", "There is no such member for whom you could make one.")
    return whom


def _client_key(key: ClientKey) -> dict[str, Any]:
    facts = {name: getattr(key, name) for name in ("prefix", "created_at", "last_used_at")}
    return facts | {"id": key.pk, "email": key.person.email, "station": key.station_id}
