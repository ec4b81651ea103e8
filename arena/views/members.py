"""A lab's members, and the invitations to it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from arena import access, invitations, members
from arena.errors import ArenaError
from arena.lab_forms import InvitationForm, RoleForm, tell
from arena.models import Role


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def member_list(request: HttpRequest, slug: str) -> HttpResponse:
    """Every member sees who belongs to the lab; an admin invites."""
    if request.method == "POST":
        return _invite(request, slug)
    return _page(request, slug, InvitationForm())


def _invite(request: HttpRequest, slug: str) -> HttpResponse:
    lab = access.lab_to_manage(request.user, slug)
    form = InvitationForm(request.POST)
    if form.is_valid():
        data, by = form.cleaned_data, access.signed_in(request.user)
        try:
            invitations.invite(lab=lab, email=data["email"], role=Role(data["role"]), by=by, now=timezone.now())
            messages.success(request, f"An invitation is on its way to {data['email']}.")
            return redirect("lab-members", slug)
        except ArenaError as error:
            tell(form, error, bad_email="email", already_member="email", already_invited="email")
    return _page(request, slug, form, status=400)


def _page(request: HttpRequest, slug: str, form: InvitationForm, status: int = 200) -> HttpResponse:
    own = access.membership(request.user, slug)
    is_admin = own.role == Role.ADMIN
    context = {
        "own": own,
        "lab": own.lab,
        "is_admin": is_admin,
        "members": members.members_of(own.lab),
        "invitations": invitations.open_invitations(own.lab) if is_admin else [],
        "now": timezone.now(),
        "roles": Role.choices,
        "form": form if is_admin else None,
    }
    return render(request, "arena/members.html", context, status=status)


@login_required
@require_POST
def member_role(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    access.lab_to_manage(request.user, slug)
    membership = access.member_to_manage(request.user, slug, membership_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        changed = members.change_role(membership=membership, role=role, by=access.signed_in(request.user))
        messages.success(request, f"{changed.person} is {changed.get_role_display()} now.")
    return redirect("lab-members", slug)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def member_remove(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    """Asks first: the keys of whoever goes end at once. One's own membership is left the same way."""
    membership = access.member_to_manage(request.user, slug, membership_id)
    person = access.signed_in(request.user)
    leaving = membership.person_id == person.pk
    if request.method != "POST":
        context = {"lab": membership.lab, "membership": membership, "leaving": leaving}
        return render(request, "arena/member_remove.html", context)
    members.remove_member(membership=membership, by=person, now=timezone.now())
    if leaving:
        messages.success(request, f"You have left {membership.lab}.")
        return redirect("lab")
    messages.success(request, f"{membership.person} is no member of {membership.lab} any more.")
    return redirect("lab-members", slug)


@login_required
@require_POST
def invitation_resend(request: HttpRequest, slug: str, invitation_id: int) -> HttpResponse:
    invitation = access.invitation_to_manage(request.user, slug, invitation_id)
    invitations.resend(invitation=invitation, by=access.signed_in(request.user), now=timezone.now())
    messages.success(request, f"The invitation is on its way to {invitation.email} again, with a new link.")
    return redirect("lab-members", slug)


@login_required
@require_POST
def invitation_revoke(request: HttpRequest, slug: str, invitation_id: int) -> HttpResponse:
    invitation = access.invitation_to_manage(request.user, slug, invitation_id)
    invitations.revoke(invitation=invitation, by=access.signed_in(request.user), now=timezone.now())
    messages.success(request, f"The invitation of {invitation.email} is revoked.")
    return redirect("lab-members", slug)


@login_required
@require_POST
def invitation_accept(request: HttpRequest, invitation_id: int) -> HttpResponse:
    """An invitation that waits on the page of one's labs."""
    person = access.signed_in(request.user)
    membership = invitations.accept_own(invitation_id=invitation_id, person=person, now=timezone.now())
    messages.success(request, f"Welcome to {membership.lab}.")
    return redirect("lab")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_page(request: HttpRequest, token: str) -> HttpResponse:
    """Where the link of an invitation leads, signed in or not."""
    invitation = invitations.find_by_token(token, now=timezone.now())
    if request.method == "POST" and request.user.is_authenticated:
        person = access.signed_in(request.user)
        membership = invitations.accept(token=token, person=person, now=timezone.now())
        messages.success(request, f"Welcome to {membership.lab}.")
        return redirect("lab")
    fits = request.user.is_authenticated and access.signed_in(request.user).email == invitation.email
    return render(request, "arena/invitation.html", {"invitation": invitation, "fits": fits, "token": token})
