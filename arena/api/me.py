"""Who is asking, and what is theirs alone."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena import notices
from arena.api.fields import Input, OneOf, Output
from arena.api.permissions import ANY_KEY, Open, key_of, labs_of, person
from arena.api.views import ApiView, answer, read
from arena.models import ApiKey, Membership, Role, Scope

_CAN_BE_SWITCHED_OFF = [kind.value for kind in notices.CAN_BE_SWITCHED_OFF]


class OwnLabOutput(Output):
    slug = serializers.SlugField()
    name = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    simulated = serializers.BooleanField()


class ShownKeyOutput(Output):
    prefix = serializers.CharField()
    lab = serializers.SlugField()
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))


class MeOutput(Output):
    email = serializers.EmailField()
    name = serializers.CharField(allow_blank=True)
    pseudonym = serializers.CharField()
    steward = serializers.BooleanField()
    trained_at = serializers.DateTimeField(allow_null=True)
    labs = OwnLabOutput(many=True)
    key = ShownKeyOutput(allow_null=True)


class NoticesInput(Input):
    muted = serializers.ListField(child=OneOf(choices=_CAN_BE_SWITCHED_OFF), max_length=len(_CAN_BE_SWITCHED_OFF))


class NoticesOutput(Output):
    muted = serializers.ListField(child=serializers.ChoiceField(choices=_CAN_BE_SWITCHED_OFF))


class Me(ApiView):
    tag = "You"
    access = {"GET": ANY_KEY}

    @extend_schema(responses=MeOutput)
    def get(self, request: Request) -> Response:
        """Who you are. With a key: the key, and its lab alone."""
        you, key = person(request), key_of(request)
        own = Membership.objects.filter(person=you, lab__in=labs_of(request)).select_related("lab")
        labs = [
            {"slug": one.lab.slug, "name": one.lab.name, "role": one.role, "simulated": one.lab.simulated}
            for one in own.order_by("lab__name")
        ]
        facts = {name: getattr(you, name) for name in ("email", "name", "pseudonym", "trained_at")}
        return answer(MeOutput, facts | {"steward": you.is_staff, "labs": labs, "key": _shown(key)})


class MyNotices(ApiView):
    tag = "You"
    access = {"GET": Open.TO_BROWSERS, "PATCH": Open.TO_BROWSERS}

    @extend_schema(responses=NoticesOutput)
    def get(self, request: Request) -> Response:
        """Which kinds of e-mail you have switched off."""
        return answer(NoticesOutput, {"muted": person(request).muted_notices})

    @extend_schema(request=NoticesInput, responses=NoticesOutput)
    def patch(self, request: Request) -> Response:
        """Switch exactly these kinds of e-mail off, and all others on."""
        said = read(NoticesInput, request.data)
        notices.choose(person=person(request), muted=said["muted"])
        return answer(NoticesOutput, {"muted": person(request).muted_notices})


def _shown(key: ApiKey | None) -> dict[str, object] | None:
    return None if key is None else {"prefix": key.prefix, "lab": key.lab.slug, "scopes": key.scopes}
