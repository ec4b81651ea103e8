"""Keys: of the API, a person's own; and access codes of the RoboArena client, at a lab's stations.

A secret is on the page that answers its making and nowhere else: not in an address, a session or a log. A form that is
sent twice makes one.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from redis.exceptions import RedisError

from arena import access, api_keys, keys
from arena.errors import ArenaError
from arena.lab_forms import AccessCodeForm, ApiKeyForm, tell
from arena.models import ApiKey, ClientKey, Lab, Membership, Person, Role

FIELD_OF_ERROR = {"bad_name": "name", "key_exists": "name", "bad_scope": "scopes"}
SENT_TWICE = "This form was sent twice. The key was shown in the first answer; if you do not have it, revoke it here."


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def api_key_list(request: HttpRequest) -> HttpResponse:
    person = access.signed_in(request.user)
    own_labs = Lab.objects.filter(memberships__person=person)
    form = ApiKeyForm(request.POST or None, labs=own_labs)
    made: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        if _sent_before(request, person):
            messages.info(request, SENT_TWICE)
            return redirect("api-keys")
        try:
            key, secret = api_keys.create_api_key(person=person, **form.wishes())
            made, form = {"made": key, "secret": secret}, ApiKeyForm(labs=own_labs)
        except ArenaError as error:
            tell(form, error, **FIELD_OF_ERROR)
    now = timezone.now()
    context = {
        "form": form if own_labs.exists() else None,
        "form_id": secrets.token_urlsafe(12),
        "living": api_keys.living(now).filter(person=person).select_related("lab"),
        "ended": _ended_keys(person),
        "api_address": f"{settings.PUBLIC_URL}/api/v1/",
        **made,
    }
    return render(request, "arena/api_keys.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
def api_key_revoke(request: HttpRequest, key_id: int) -> HttpResponse:
    key = access.own_api_key(request.user, key_id)
    api_keys.revoke_api_key(key=key, now=timezone.now(), by=access.signed_in(request.user))
    messages.success(request, f"The key {key.name} is revoked.")
    return redirect("api-keys")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def access_code_list(request: HttpRequest, slug: str) -> HttpResponse:
    """Access codes at the lab's stations: an admin's for any member, a member's for themselves."""
    own = access.membership(request.user, slug)
    person = access.signed_in(request.user)
    form = _access_code_form(own, request.POST or None)
    made: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        if _sent_before(request, person):
            messages.info(request, SENT_TWICE)
            return redirect("lab-keys", slug)
        try:
            key, code = keys.create_client_key(by=person, **form.cleaned_data)
            made, form = {"made": key, "secret": code}, _access_code_form(own, None)
        except ArenaError as error:
            tell(form, error)
    context = {
        "lab": own.lab,
        "is_admin": own.role == Role.ADMIN,
        "form": form,
        "form_id": secrets.token_urlsafe(12),
        "keys": _codes_seen_by(own),
        "server": settings.PUBLIC_URL.partition("://")[2],
        **made,
    }
    return render(request, "arena/access_codes.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
def access_code_revoke(request: HttpRequest, slug: str, key_id: int) -> HttpResponse:
    key = access.client_key_to_revoke(request.user, slug, key_id)
    keys.revoke_client_key(key=key, by=access.signed_in(request.user))
    messages.success(request, f"The access code {key.prefix}… is revoked.")
    return redirect("lab-keys", slug)


def _access_code_form(own: Membership, data: Mapping[str, Any] | None) -> AccessCodeForm:
    people = Person.objects.filter(memberships__lab=own.lab, is_active=True).order_by("name", "email")
    if own.role != Role.ADMIN:
        people = people.filter(pk=own.person_id)
    in_use = own.lab.stations.filter(retired_at=None).order_by("name")
    return AccessCodeForm(data, people=people, stations=in_use, initial={"person": own.person_id})


def _codes_seen_by(own: Membership) -> list[ClientKey]:
    found = ClientKey.objects.filter(station__lab=own.lab, revoked_at=None, station__retired_at=None)
    if own.role != Role.ADMIN:
        found = found.filter(person=own.person_id)
    return list(found.select_related("person", "station").order_by("station__name", "-created_at"))


def _ended_keys(person: Person) -> list[ApiKey]:
    living = api_keys.living(timezone.now()).values("pk")
    return list(person.api_keys.exclude(pk__in=living).select_related("lab")[:20])


def _sent_before(request: HttpRequest, person: Person) -> bool:
    """Whether this very form made a key already: a double click, or a page that was loaded again."""
    form_id = request.POST.get("form_id", "")[:40]
    try:
        return not cache.add(f"form:{person.pk}:{form_id}", 1, timeout=24 * 3600)
    except RedisError:
        return False
