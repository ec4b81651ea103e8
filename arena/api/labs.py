"""Labs: what everybody may know of one, who belongs to it, whom it invites, and which labs it is close to."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena import access, affiliations, invitations, labs, members
from arena.api.fields import Input, NothingInput, OneOf, Output, Text
from arena.api.pagination import PageOutput, PageQuery, page_of
from arena.api.permissions import MANAGE, READ_OR_MANAGE, Open, key_of, own_slug, person
from arena.api.views import ApiView, answer, read
from arena.errors import NotFound
from arena.models import Invitation, Lab, Membership, Person, Role


class OwnPlaceOutput(Output):
    role = serializers.ChoiceField(choices=Role.choices)
    members = serializers.IntegerField()


class LabOutput(Output):
    slug = serializers.SlugField()
    name = serializers.CharField()
    simulated = serializers.BooleanField()
    stations = serializers.IntegerField(help_text="How many are in use.")
    created_at = serializers.DateTimeField()
    you = OwnPlaceOutput(allow_null=True, help_text="For its members.")


class MemberOutput(Output):
    id = serializers.IntegerField()
    email = serializers.EmailField()
    name = serializers.CharField(allow_blank=True)
    role = serializers.ChoiceField(choices=Role.choices)
    created_at = serializers.DateTimeField()


class MemberPageOutput(PageOutput):
    results = MemberOutput(many=True)


class RoleInput(Input):
    role = OneOf(choices=Role.choices)


class InvitationInput(Input):
    email = Text(max_length=254)
    role = OneOf(choices=Role.choices)


class InvitationOutput(Output):
    id = serializers.IntegerField()
    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=Role.choices)
    invited_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class InvitationPageOutput(PageOutput):
    results = InvitationOutput(many=True)


class AffiliationInput(Input):
    lab = Text(max_length=80, help_text="The other lab's slug.")
    comment = Text(max_length=200, allow_blank=True, default="", help_text="Seen by members and stewards.")


class AffiliationOutput(Output):
    id = serializers.IntegerField()
    lab = serializers.SlugField()
    name = serializers.CharField()
    comment = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()


class AffiliationPageOutput(PageOutput):
    results = AffiliationOutput(many=True)


class LabView(ApiView):
    tag = "Labs"

    def membership(self, request: Request, slug: str) -> Membership:
        return access.membership(request.user, own_slug(request, slug))

    def managed(self, request: Request, slug: str) -> Lab:
        return access.lab_to_manage(request.user, own_slug(request, slug))


class LabDetail(LabView):
    access = {"GET": Open.TO_ALL}

    @extend_schema(responses=LabOutput)
    def get(self, request: Request, slug: str) -> Response:
        """What everybody may know of a lab. Its members see their own place in it, too."""
        lab = labs.registered().filter(slug=slug).first()
        if lab is None:
            raise NotFound("lab_unknown", "There is no such lab, or it is not yours.")
        facts = {name: getattr(lab, name) for name in ("slug", "name", "simulated", "created_at")}
        in_use = lab.stations.filter(retired_at=None).count()
        return answer(LabOutput, facts | {"stations": in_use, "you": _place(request, lab)})


class LabMembers(LabView):
    access = {"GET": READ_OR_MANAGE}
    queries = {"GET": PageQuery}

    @extend_schema(responses=MemberPageOutput)
    def get(self, request: Request, slug: str) -> Response:
        """Who belongs to a lab of yours."""
        own = self.membership(request, slug)
        return answer(MemberPageOutput, page_of(request, members.members_of(own.lab), self.query, _member))


class LabMember(LabView):
    access = {"PATCH": MANAGE, "DELETE": MANAGE}

    @extend_schema(request=RoleInput, responses=MemberOutput)
    def patch(self, request: Request, slug: str, membership_id: int) -> Response:
        """Give a member another role. A lab keeps an admin."""
        self.managed(request, slug)
        membership = access.member_to_manage(person(request), slug, membership_id)
        role = Role(read(RoleInput, request.data)["role"])
        changed = members.change_role(membership=membership, role=role, by=person(request))
        return answer(MemberOutput, _member(changed))

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, slug: str, membership_id: int) -> Response:
        """End a membership, and the keys that the person has in this lab. Your own: leave."""
        membership = access.member_to_manage(person(request), own_slug(request, slug), membership_id)
        members.remove_member(membership=membership, by=person(request), now=timezone.now())
        return Response(status=204)


class LabInvitations(LabView):
    access = {"GET": MANAGE, "POST": MANAGE}
    queries = {"GET": PageQuery}

    @extend_schema(responses=InvitationPageOutput)
    def get(self, request: Request, slug: str) -> Response:
        """Invitations that were neither accepted nor revoked."""
        waiting = invitations.open_invitations(self.managed(request, slug))
        return answer(InvitationPageOutput, page_of(request, waiting, self.query, _invitation))

    @extend_schema(request=InvitationInput, responses={201: InvitationOutput})
    def post(self, request: Request, slug: str) -> Response:
        """Invite somebody by e-mail. The link is in the mail alone."""
        lab = self.managed(request, slug)
        said = read(InvitationInput, request.data)
        role = Role(said["role"])
        made = invitations.invite(lab=lab, email=said["email"], role=role, by=person(request), now=timezone.now())
        return answer(InvitationOutput, _invitation(made), status=201)


class LabInvitation(LabView):
    access = {"DELETE": MANAGE}

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, slug: str, invitation_id: int) -> Response:
        """Revoke an invitation. What was accepted stays."""
        found = access.invitation_to_manage(person(request), own_slug(request, slug), invitation_id)
        invitations.revoke(invitation=found, by=person(request), now=timezone.now())
        return Response(status=204)


class LabInvitationResend(LabView):
    access = {"POST": MANAGE}

    @extend_schema(request=NothingInput, responses=InvitationOutput)
    def post(self, request: Request, slug: str, invitation_id: int) -> Response:
        """Send an invitation again. The mail has a new link; the old one leads nowhere."""
        found = access.invitation_to_manage(person(request), own_slug(request, slug), invitation_id)
        read(NothingInput, request.data or {})
        sent = invitations.resend(invitation=found, by=person(request), now=timezone.now())
        return answer(InvitationOutput, _invitation(sent))


class LabAffiliations(LabView):
    access = {"GET": READ_OR_MANAGE, "POST": MANAGE}
    queries = {"GET": PageQuery}

    @extend_schema(responses=AffiliationPageOutput)
    def get(self, request: Request, slug: str) -> Response:
        """Which labs a lab of yours is close to. Neither is dealt the other's policies."""
        found = affiliations.affiliations_of(self.membership(request, slug).lab)
        return answer(AffiliationPageOutput, page_of(request, found, self.query, _affiliation))

    @extend_schema(request=AffiliationInput, responses={201: AffiliationOutput})
    def post(self, request: Request, slug: str) -> Response:
        """Declare that a lab is close to yours. Only a steward can end it; a repeat changes nothing."""
        lab = access.lab_to_affiliate(person(request), own_slug(request, slug))
        said = read(AffiliationInput, request.data)
        other = labs.registered().filter(slug=said["lab"]).first()
        if other is None:
            raise NotFound("lab_unknown", "There is no such lab to be close to.")
        made = affiliations.declare(lab=lab, other=other, by=person(request), comment=said["comment"])
        return answer(AffiliationOutput, _affiliation((made, other)), status=201)


def _place(request: Request, lab: Lab) -> dict[str, Any] | None:
    key = key_of(request)
    if not isinstance(request.user, Person) or (key is not None and key.lab_id != lab.pk):
        return None
    own = lab.memberships.filter(person=request.user).first()
    return {"role": own.role, "members": lab.memberships.count()} if own else None


def _member(membership: Membership) -> dict[str, Any]:
    who = membership.person
    return {
        "id": membership.pk,
        "email": who.email,
        "name": who.name,
        "role": membership.role,
        "created_at": membership.created_at,
    }


def _invitation(invitation: Invitation) -> dict[str, Any]:
    names = ("email", "role", "created_at", "expires_at")
    facts = {name: getattr(invitation, name) for name in names}
    return facts | {"id": invitation.pk, "invited_by": str(invitation.invited_by)}


def _affiliation(found: tuple[Any, Lab]) -> dict[str, Any]:
    affiliation, other = found
    facts = {"id": affiliation.pk, "comment": affiliation.comment, "created_at": affiliation.created_at}
    return facts | {"lab": other.slug, "name": other.name}
