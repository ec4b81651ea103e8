"""The owner's desk for programs."""

import uuid
from typing import Any

from django.http import FileResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from arena import labs, policies, stakes
from arena.api.fields import NothingInput
from arena.api.pagination import PageQuery, page_of
from arena.api.permissions import OWN, READ_OR_OWN, Open, key_of, labs_of, person
from arena.api.views import ApiView, answer, read
from arena.errors import NotFound
from arena.models import Lab, Policy, PolicyVersion
from evaluations import trials
from evaluations.desk import access, checks, outputs, selectors
from evaluations.desk.downloads import served
from evaluations.desk.inputs import AddressInput, PolicyInput, StakeInput, VersionInput
from evaluations.desk.outputs import (
    CheckOutput,
    CheckPageOutput,
    PolicyDetailOutput,
    PolicyPageOutput,
    ResultOfPolicyPageOutput,
    StakeOutput,
    StakePageOutput,
    VersionOutput,
)
from evaluations.requests.access import require_owner


class DeskView(ApiView):
    """A key acts in its own lab: a policy of another one is not there for it."""

    tag = "Policies"

    def policy(self, request: Request, slug: str) -> Policy:
        return access.policy_in(labs_of(request), slug)

    def own_policy(self, request: Request, slug: str) -> Policy:
        found = self.policy(request, slug)
        require_owner(person(request), access.lab_of(found))
        return found

    def version(self, request: Request, label: str) -> PolicyVersion:
        return access.version_in(labs_of(request), label)

    def own_version(self, request: Request, label: str) -> PolicyVersion:
        found = self.version(request, label)
        require_owner(person(request), access.lab_of(found.policy))
        return found

    def register(self, request: Request, lab: Lab, said: dict[str, Any]) -> Response:
        if labs.embodiment_is_new(said["embodiment"]):
            raise NotFound("embodiment_unknown", "No station here has such a robot.", hint="Stations name theirs.")
        made = policies.register_policy(lab=lab, by=person(request), trial_first=True, **said)
        return self.checked(request, made, status=201)

    def told(self, request: Request, version: PolicyVersion, *, status: int = 200) -> Response:
        """The version as it stands now."""
        (card,) = selectors.version_cards(version.policy, now=timezone.now(), only=version)
        tells = access.may_change(person(request), version.policy)
        return answer(VersionOutput, outputs.version_shown(card, tells_address=tells), status=status)

    def checked(self, request: Request, version: PolicyVersion, *, status: int = 200) -> Response:
        """The version, whose server is being checked from now on."""
        checks.ask(version=version, by=person(request), now=timezone.now())
        return self.told(request, version, status=status)


class Policies(DeskView):
    access = {"GET": READ_OR_OWN, "POST": OWN}
    queries = {"GET": PageQuery}

    @extend_schema(responses=PolicyPageOutput)
    def get(self, request: Request) -> Response:
        """The policies of your labs. With a key, those of its lab."""
        found = selectors.policies_of(labs_of(request))
        return answer(PolicyPageOutput, page_of(request, found, self.query, outputs.policy_shown))

    @extend_schema(request=PolicyInput, responses={201: VersionOutput})
    def post(self, request: Request) -> Response:
        """Register a policy with its first version. Its server is checked."""
        said = read(PolicyInput, request.data)
        lab = labs_of(request).filter(slug=said.pop("lab")).first()
        if lab is None:
            raise NotFound("lab_unknown", "There is no such lab, or it is not yours.")
        require_owner(person(request), lab)
        return self.register(request, lab, said)


class PolicyDetail(DeskView):
    access = {"GET": READ_OR_OWN}

    @extend_schema(responses=PolicyDetailOutput)
    def get(self, request: Request, slug: str) -> Response:
        """A policy of your lab: its versions, their servers, checks and trials."""
        policy = self.policy(request, slug)
        tells = access.may_change(person(request), policy)
        cards = selectors.version_cards(policy, now=timezone.now())
        versions = [outputs.version_shown(card, tells_address=tells) for card in cards]
        return answer(PolicyDetailOutput, outputs.policy_shown(policy) | {"versions": versions})


class PolicyVersions(DeskView):
    access = {"POST": OWN}

    @extend_schema(request=VersionInput, responses={201: VersionOutput})
    def post(self, request: Request, slug: str) -> Response:
        """Register a new version: new weights. Its server is checked."""
        policy, said = self.own_policy(request, slug), read(VersionInput, request.data)
        return self.register(request, access.lab_of(policy), said | {"name": policy.name})


class PolicyResults(DeskView):
    access = {"GET": READ_OR_OWN}
    queries = {"GET": PageQuery}

    @extend_schema(responses=ResultOfPolicyPageOutput)
    def get(self, request: Request, slug: str) -> Response:
        """Every published session of the policy, the oldest first, a row for each of its sides in it."""
        policy = self.policy(request, slug)
        sides = selectors.sides_to_tell(policy)
        page = page_of(request, sides, self.query, lambda side: selectors.result_row(side, policy))
        return answer(ResultOfPolicyPageOutput, page)


class PolicyTrajectory(DeskView):
    access = {"GET": READ_OR_OWN}

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, slug: str, media_id: int) -> FileResponse:
        """A trajectory as its station sent it: it may hold code, so unpack it where that can do no harm."""
        policy = self.policy(request, slug)
        return served(access.trajectory_to_take(person(request), policy.slug, media_id))


class PolicyStakes(DeskView):
    access = {"GET": OWN, "POST": OWN}
    queries = {"GET": PageQuery}

    @extend_schema(responses=StakePageOutput)
    def get(self, request: Request, slug: str) -> Response:
        """Which labs have a stake in a policy of yours without owning it. Stewards, in a browser: in any."""
        found = stakes.living_of(self._with_stakes(request, slug))
        return answer(StakePageOutput, page_of(request, found, self.query, outputs.stake_shown))

    @extend_schema(request=StakeInput, responses={201: StakeOutput})
    def post(self, request: Request, slug: str) -> Response:
        """Say that a lab has a stake: it is not dealt the policy from then on. A repeat changes nothing."""
        policy, said = self._with_stakes(request, slug), read(StakeInput, request.data)
        lab = labs.registered().filter(slug=said["lab"]).first()
        if lab is None:
            raise NotFound("lab_unknown", "There is no such lab.")
        made = stakes.declare(policy=policy, lab=lab, by=person(request), comment=said["comment"])
        return answer(StakeOutput, outputs.stake_shown(made), status=201)

    def _with_stakes(self, request: Request, slug: str) -> Policy:
        by_key = key_of(request) is not None
        return self.own_policy(request, slug) if by_key else access.policy_with_stakes(person(request), slug)


class StakeEnd(DeskView):
    access = {"POST": Open.TO_BROWSERS}

    @extend_schema(request=NothingInput, responses={204: None})
    def post(self, request: Request, slug: str, stake_id: int) -> Response:
        """Stewards: the lab has no stake any more. The record stays; a repeat changes nothing."""
        policy = access.policy_to_release(person(request), slug)
        read(NothingInput, request.data or {})
        stakes.end(policy=policy, stake_id=stake_id, by=person(request))
        return Response(status=204)


class VersionDetail(DeskView):
    access = {"GET": READ_OR_OWN}

    @extend_schema(responses=VersionOutput)
    def get(self, request: Request, label: str) -> Response:
        """A version of your lab: its server, its latest check, its trials."""
        return self.told(request, self.version(request, label))


class VersionChecks(DeskView):
    access = {"GET": READ_OR_OWN, "POST": OWN}
    queries = {"GET": PageQuery}

    @extend_schema(responses=CheckPageOutput)
    def get(self, request: Request, label: str) -> Response:
        """The checks of a version's server, the latest first."""
        version = self.version(request, label)
        page = page_of(request, checks.made_of(version), self.query, lambda check: outputs.check_shown(check, version))
        return answer(CheckPageOutput, page)

    @extend_schema(request=NothingInput, responses={201: CheckOutput})
    def post(self, request: Request, label: str) -> Response:
        """Have its server checked, step by step. A check that waits or runs already is it."""
        version = self.own_version(request, label)
        read(NothingInput, request.data or {})
        check = checks.ask(version=version, by=person(request), now=timezone.now())
        return answer(CheckOutput, outputs.check_shown(check, version), status=201)


class VersionCheck(DeskView):
    access = {"GET": READ_OR_OWN}

    @extend_schema(responses=CheckOutput)
    def get(self, request: Request, label: str, check_id: uuid.UUID) -> Response:
        """What a check found, once it is finished."""
        version = self.version(request, label)
        check = checks.made_of(version).filter(pk=check_id).first()
        if check is None:
            raise NotFound("check_unknown", "There is no such check of this version.")
        return answer(CheckOutput, outputs.check_shown(check, version))


class VersionAddress(DeskView):
    access = {"POST": OWN}

    @extend_schema(request=AddressInput, responses=VersionOutput)
    def post(self, request: Request, label: str) -> Response:
        """The same weights, served elsewhere. What was known of the old server is forgotten, the new one checked."""
        version, said = self.own_version(request, label), read(AddressInput, request.data)
        policies.move_endpoint(version=version, endpoint_url=said["endpoint_url"], by=person(request))
        return self.checked(request, version)


class VersionPool(DeskView):
    def moved(self, request: Request, label: str, pool: PolicyVersion.Pool) -> Response:
        version = self.own_version(request, label)
        read(NothingInput, request.data or {})
        trials.set_pool(version=version, pool=pool, by=person(request), now=timezone.now())
        return self.told(request, version)


class VersionPause(VersionPool):
    access = {"POST": OWN}

    @extend_schema(request=NothingInput, responses=VersionOutput)
    def post(self, request: Request, label: str) -> Response:
        """It is dealt to nobody until it is resumed. A repeat changes nothing."""
        return self.moved(request, label, PolicyVersion.Pool.PAUSED)


class VersionResume(VersionPool):
    access = {"POST": OWN}

    @extend_schema(request=NothingInput, responses=VersionOutput)
    def post(self, request: Request, label: str) -> Response:
        """Put it back into the pool. A repeat changes nothing."""
        return self.moved(request, label, PolicyVersion.Pool.ACTIVE)


class VersionRetire(VersionPool):
    access = {"POST": OWN}

    @extend_schema(request=NothingInput, responses=VersionOutput)
    def post(self, request: Request, label: str) -> Response:
        """It is dealt to nobody any more, for good. Its results stay; a repeat changes nothing."""
        return self.moved(request, label, PolicyVersion.Pool.RETIRED)


class VersionList(DeskView):
    access = {"POST": OWN}

    @extend_schema(request=NothingInput, responses=VersionOutput)
    def post(self, request: Request, label: str) -> Response:
        """Everybody is told its name, for good, if it was registered unlisted. A repeat changes nothing."""
        version = self.own_version(request, label)
        read(NothingInput, request.data or {})
        policies.list_version(version=version, by=person(request))
        return self.told(request, version)
