"""A person's API keys: made and revoked in the browser, so that no key makes another."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena import access, api_keys
from arena.api.fields import Input, OneOf, Output, Text
from arena.api.pagination import PageOutput, PageQuery, page_of
from arena.api.permissions import Open, person
from arena.api.views import ApiView, answer, read
from arena.models import ApiKey, Scope


class ApiKeyInput(Input):
    name = Text(max_length=60, help_text="What it is for.")
    lab = Text(max_length=80, help_text="The slug of a lab of yours.")
    scopes = serializers.ListField(child=OneOf(choices=Scope.choices), min_length=1, max_length=len(Scope.values))
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class ApiKeyOutput(Output):
    id = serializers.IntegerField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    lab = serializers.SlugField()
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class ApiKeyPageOutput(PageOutput):
    results = ApiKeyOutput(many=True)


class NewApiKeyOutput(ApiKeyOutput):
    secret = serializers.CharField(allow_null=True, help_text="Told once; null where the request is repeated.")


class MyKeys(ApiView):
    tag = "You"
    access = {"GET": Open.TO_BROWSERS, "POST": Open.TO_BROWSERS}
    queries = {"GET": PageQuery}
    told_once = ("secret",)

    @extend_schema(responses=ApiKeyPageOutput)
    def get(self, request: Request) -> Response:
        """Your living keys."""
        living = api_keys.living(timezone.now()).filter(person=person(request)).select_related("lab")
        return answer(ApiKeyPageOutput, page_of(request, living.order_by("-created_at", "pk"), self.query, _shown))

    @extend_schema(request=ApiKeyInput, responses={201: NewApiKeyOutput})
    def post(self, request: Request) -> Response:
        """Make a key. Its secret is in this answer and nowhere else."""
        said = read(ApiKeyInput, request.data)
        lab = access.membership(person(request), said.pop("lab")).lab
        key, secret = api_keys.create_api_key(person=person(request), lab=lab, now=timezone.now(), **said)
        return answer(NewApiKeyOutput, _shown(key) | {"secret": secret}, status=201)


class MyKey(ApiView):
    tag = "You"
    access = {"DELETE": Open.TO_BROWSERS}

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, key_id: int) -> Response:
        """Revoke a key of yours. A repeat changes nothing."""
        key = access.own_api_key(person(request), key_id)
        api_keys.revoke_api_key(key=key, now=timezone.now(), by=person(request))
        return Response(status=204)


def _shown(key: ApiKey) -> dict[str, Any]:
    names = ("name", "prefix", "scopes", "created_at", "expires_at", "last_used_at")
    return {name: getattr(key, name) for name in names} | {"id": key.pk, "lab": key.lab.slug}
