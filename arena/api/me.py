"""Who is asking, and what is theirs alone."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena.api.fields import Output
from arena.api.permissions import ANY_KEY, key_of, labs_of, person
from arena.api.views import ApiView, answer
from arena.models import ApiKey, Membership, Role, Scope


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


def _shown(key: ApiKey | None) -> dict[str, object] | None:
    return None if key is None else {"prefix": key.prefix, "lab": key.lab.slug, "scopes": key.scopes}
