"""Requests for programs."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena.api.fields import Flag, Input, NothingInput, OneOf, Output, Text, Whole
from arena.api.pagination import PageOutput, PageQuery, page_of
from arena.api.permissions import OWN, READ_OR_OWN, labs_of, opens_lab, person
from arena.api.views import ApiView, answer, read
from arena.errors import NotFound
from arena.models import PolicyVersion
from evaluations.models import LARGEST_REQUEST, EvaluationRequest, TaskCategory
from evaluations.requests import access, forecast, orders, selectors
from evaluations.requests.orders import Conditions

MOST_OPPONENTS = 50


class RequestInput(Input):
    version = Text(max_length=121, help_text="SLUG@VERSION, of a lab for which you order.")
    wanted = Whole(min_value=1, max_value=LARGEST_REQUEST, help_text="How many valid evaluations.")
    opponents = serializers.ListField(
        child=Text(max_length=121),
        default=list,
        max_length=MOST_OPPONENTS,
        help_text="Empty: whom it tells most of.",
    )
    categories = serializers.ListField(
        child=OneOf(choices=TaskCategory.choices), default=list, max_length=12, help_text="Empty: all kinds of tasks."
    )
    until = serializers.DateTimeField(default=None, allow_null=True, help_text="What is not done by then is paid back.")
    most_from_one_lab = Whole(min_value=1, max_value=LARGEST_REQUEST, default=None, allow_null=True)
    stop_when_decided = Flag(default=False, help_text="Ends when the two are told apart; needs one opponent.")


class AgainstOutput(Output):
    opponent = serializers.CharField()
    verdict = serializers.ChoiceField(choices=["better", "worse", "undecided"])
    more_sessions = serializers.IntegerField(allow_null=True)


class ForecastOutput(Output):
    price = serializers.IntegerField(help_text="Credits that are held.")
    days = serializers.FloatField(allow_null=True, help_text="At the pace of the last four weeks.")
    sharing = serializers.IntegerField(help_text="Other owners whose requests are served at the same stations.")
    against = AgainstOutput(many=True)


class RequestOutput(Output):
    id = serializers.UUIDField()
    version = serializers.CharField()
    lab = serializers.SlugField()
    state = serializers.ChoiceField(choices=EvaluationRequest.State.choices)
    wanted = serializers.IntegerField()
    done = serializers.IntegerField(help_text=f"Told in steps of {selectors.BATCH} until the request has ended.")
    returned = serializers.IntegerField(help_text="Credits.")
    opponents = serializers.ListField(child=serializers.CharField())
    categories = serializers.ListField(child=serializers.ChoiceField(choices=TaskCategory.choices))
    until = serializers.DateTimeField(allow_null=True)
    most_from_one_lab = serializers.IntegerField(allow_null=True)
    stop_when_decided = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class RequestPageOutput(PageOutput):
    results = RequestOutput(many=True)


class RequestDetailOutput(RequestOutput):
    sessions = serializers.ListField(child=serializers.UUIDField(), help_text="Those that are told of.")
    days_left = serializers.FloatField(allow_null=True)


class RequestView(ApiView):
    tag = "Requests"

    def found(self, request: Request, request_id: uuid.UUID) -> EvaluationRequest:
        order = access.request_to_read(person(request), request_id)
        if not opens_lab(request, order.lab_id):
            raise NotFound("request_unknown", "Your labs have no request at this address.")
        return order

    def to_change(self, request: Request, request_id: uuid.UUID) -> EvaluationRequest:
        order = self.found(request, request_id)
        access.require_owner(person(request), order.lab)
        read(NothingInput, request.data or {})
        return order

    def told(self, request: Request, request_id: uuid.UUID, *, status: int = 200) -> Response:
        shown = selectors.progress(self.found(request, request_id))
        over, now = shown.request.is_over, timezone.now()
        facts = {
            "sessions": list(selectors.published_sessions(shown).values_list("pk", flat=True)),
            "days_left": None if over else selectors.days_left(shown, now=now),
        }
        return answer(RequestDetailOutput, _shown(shown) | facts, status=status)


class Requests(RequestView):
    access = {"GET": READ_OR_OWN, "POST": OWN}
    queries = {"GET": PageQuery}

    @extend_schema(responses=RequestPageOutput)
    def get(self, request: Request) -> Response:
        """The requests of your labs, the latest first. With a key, those of its lab."""
        found: QuerySet[EvaluationRequest] = selectors.requests_of(labs_of(request))
        page = page_of(request, found, self.query, lambda one: _shown(selectors.progress(one)))
        return answer(RequestPageOutput, page)

    @extend_schema(request=RequestInput, responses={201: RequestDetailOutput})
    def post(self, request: Request) -> Response:
        """Order evaluations of a version of your lab. Their price is held at once."""
        version, wanted, conditions = _asked(request)
        placed = orders.place(
            version=version, wanted=wanted, by=person(request), now=timezone.now(), conditions=conditions
        )
        return self.told(request, placed.pk, status=201)


class RequestForecast(RequestView):
    access = {"POST": OWN}

    @extend_schema(request=RequestInput, responses=ForecastOutput)
    def post(self, request: Request) -> Response:
        """What a request would cost, how long it would take and what it could show. Nothing is ordered."""
        version, wanted, conditions = _asked(request)
        now = timezone.now()
        orders.require_possible(version=version, wanted=wanted, now=now, conditions=conditions)
        expected = forecast.forecast(version=version, wanted=wanted, conditions=conditions, now=now)
        return answer(ForecastOutput, vars(expected) | {"against": [vars(one) for one in expected.against]})


class RequestDetail(RequestView):
    access = {"GET": READ_OR_OWN}

    @extend_schema(responses=RequestDetailOutput)
    def get(self, request: Request, request_id: uuid.UUID) -> Response:
        """A request of your lab, with the sessions that it caused, as far as they are told of."""
        return self.told(request, request_id)


class RequestPause(RequestView):
    access = {"POST": OWN}

    @extend_schema(request=NothingInput, responses=RequestDetailOutput)
    def post(self, request: Request, request_id: uuid.UUID) -> Response:
        """It causes no session until it is resumed; its credits stay held. A repeat changes nothing."""
        orders.pause(request=self.to_change(request, request_id), by=person(request))
        return self.told(request, request_id)


class RequestResume(RequestView):
    access = {"POST": OWN}

    @extend_schema(request=NothingInput, responses=RequestDetailOutput)
    def post(self, request: Request, request_id: uuid.UUID) -> Response:
        """It goes on. A repeat changes nothing."""
        orders.resume(request=self.to_change(request, request_id), by=person(request))
        return self.told(request, request_id)


class RequestCancel(RequestView):
    access = {"POST": OWN}

    @extend_schema(request=NothingInput, responses=RequestDetailOutput)
    def post(self, request: Request, request_id: uuid.UUID) -> Response:
        """End it. What no running session may still cost is returned at once. A repeat changes nothing."""
        orders.cancel(request=self.to_change(request, request_id), by=person(request), now=timezone.now())
        return self.told(request, request_id)


def _asked(request: Request) -> tuple[PolicyVersion, int, Conditions]:
    said = read(RequestInput, request.data)
    version = access.version_to_order(person(request), said.pop("version"))
    assert version.policy.lab_id is not None
    if not opens_lab(request, version.policy.lab_id):
        raise NotFound("version_unknown", "Your labs have no such version.", hint="It looks like SLUG@VERSION.")
    wanted = said.pop("wanted")
    opponents = [_opponent(version, label) for label in dict.fromkeys(said.pop("opponents"))]
    return version, wanted, Conditions(opponents=opponents, **said)


def _opponent(version: PolicyVersion, label: str) -> PolicyVersion:
    found = selectors.opponent_named(version, label)
    if found is None:
        raise NotFound("opponent_unknown", f"{label} could not meet {version}.", hint="It looks like SLUG@VERSION.")
    return found


def _shown(shown: selectors.Progress) -> dict[str, Any]:
    order = shown.request
    names = ("state", "wanted", "categories", "until", "most_from_one_lab", "stop_when_decided", "created_at")
    facts = {name: getattr(order, name) for name in (*names, "ended_at")}
    return facts | {
        "id": order.pk,
        "version": order.version.label,
        "lab": order.lab.slug,
        "done": shown.published,
        "returned": shown.returned,
        "opponents": selectors.opponents_told(order),
    }
