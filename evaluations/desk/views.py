"""The owner's desk in the browser."""

import csv
import json
from collections.abc import Iterator

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from arena import access as people
from arena import policies, stakes
from arena.errors import AccessDenied, ArenaError
from arena.lab_forms import tell
from arena.models import Policy, PolicyVersion
from arena.texts import as_cell
from evaluations import trials
from evaluations.desk import access, checks, selectors
from evaluations.desk.downloads import served
from evaluations.desk.forms import FIELD_OF, AddressForm, PolicyForm, StakeForm, VersionForm

POOL_WORDS = {
    "active": "{} is in the pool.",
    "paused": "{} is paused: it is dealt to nobody until you resume it.",
    "retired": "{} is retired. Its results stay.",
}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def policy_new(request: HttpRequest) -> HttpResponse:
    labs = access.labs_to_register_for(request.user)
    if not labs:
        raise AccessDenied(
            "not_an_owner", "Only policy owners and admins of a lab register policies.", hint="Ask an admin of yours."
        )
    form = PolicyForm(request.POST if request.method == "POST" else None, labs=labs)
    if request.method == "POST" and form.is_valid():
        said, by = form.cleaned_data, people.signed_in(request.user)
        try:
            made = policies.register_policy(
                lab=said["lab"],
                name=said["name"],
                version=said["version"],
                embodiment=said["embodiment"].name,
                endpoint_url=said["endpoint"],
                open_source=said["open_source"],
                by=by,
                trial_first=True,
                unlisted=said.get("unlisted", False),
            )
        except ArenaError as error:
            tell(form, error, **FIELD_OF)
        else:
            return _checked(request, made)
    return render(
        request,
        "evaluations/desk/new.html",
        {"form": form, "trials": settings.TRIAL_SESSIONS},
        status=400 if form.errors else 200,
    )


@login_required
@require_safe
def policy_manage(request: HttpRequest, slug: str) -> HttpResponse:
    policy = access.policy_to_read(request.user, slug)
    context = {
        "policy": policy,
        "cards": selectors.version_cards(policy, now=timezone.now()),
        "latest": selectors.latest_sessions(policy),
        "may_change": access.may_change(request.user, policy),
        "trial_sessions": settings.TRIAL_SESSIONS,
        "waiting": policy.versions.filter(protocol_checks__finished_at=None, protocol_checks__isnull=False).exists(),
    }
    return render(request, "evaluations/desk/manage.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def version_new(request: HttpRequest, slug: str) -> HttpResponse:
    policy = access.policy_to_change(request.user, slug)
    form = VersionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            made = policies.register_policy(
                lab=access.lab_of(policy),
                name=policy.name,
                version=said["version"],
                embodiment=said["embodiment"].name,
                endpoint_url=said["endpoint"],
                by=people.signed_in(request.user),
                trial_first=True,
                unlisted=said.get("unlisted", False),
            )
        except ArenaError as error:
            tell(form, error, **FIELD_OF)
        else:
            return _checked(request, made)
    context = {"form": form, "policy": policy, "trials": 0 if policy.simulated else settings.TRIAL_SESSIONS}
    return render(request, "evaluations/desk/new.html", context, status=400 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def version_address(request: HttpRequest, label: str) -> HttpResponse:
    version = access.version_to_change(request.user, label)
    initial = {"endpoint": version.endpoint.url} if hasattr(version, "endpoint") else {}
    form = AddressForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        by = people.signed_in(request.user)
        try:
            policies.move_endpoint(version=version, endpoint_url=form.cleaned_data["endpoint"], by=by)
        except ArenaError as error:
            tell(form, error, **FIELD_OF)
        else:
            return _checked(request, version)
    context = {"form": form, "version": version, "policy": version.policy}
    return render(request, "evaluations/desk/address.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
def version_check(request: HttpRequest, label: str) -> HttpResponse:
    return _checked(request, access.version_to_change(request.user, label))


@login_required
@require_POST
def version_pool(request: HttpRequest, label: str) -> HttpResponse:
    version = access.version_to_change(request.user, label)
    wanted = request.POST.get("pool", "")
    if wanted not in POOL_WORDS:
        raise ArenaError("bad_field", "pool: A version is active, paused or retired.")
    pool = PolicyVersion.Pool(wanted)
    trials.set_pool(version=version, pool=pool, by=people.signed_in(request.user), now=timezone.now())
    messages.success(request, POOL_WORDS[pool].format(version))
    return redirect("policy-manage", version.policy.slug)


@login_required
@require_POST
def version_list(request: HttpRequest, label: str) -> HttpResponse:
    version = access.version_to_change(request.user, label)
    policies.list_version(version=version, by=people.signed_in(request.user))
    messages.success(request, f"{version} is listed: everybody is told its name, with all that it has shown.")
    return redirect("policy-manage", version.policy.slug)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def stake_list(request: HttpRequest, slug: str) -> HttpResponse:
    """Who may not evaluate this policy, beside its owners and the labs that are close to them."""
    policy = access.policy_with_stakes(request.user, slug)
    person = people.signed_in(request.user)
    form = StakeForm(request.POST if request.method == "POST" else None, policy=policy)
    if request.method == "POST" and form.is_valid():
        lab = form.cleaned_data["lab"]
        stakes.declare(policy=policy, lab=lab, by=person, comment=form.cleaned_data["comment"])
        messages.success(request, f"{lab} is not given {policy} from now on.")
        return redirect("policy-stakes", slug)
    context = {
        "policy": policy,
        "form": form,
        "stakes": stakes.living_of(policy),
        "is_steward": person.is_staff,
    }
    return render(request, "evaluations/desk/stakes.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
def stake_end(request: HttpRequest, slug: str, stake_id: int) -> HttpResponse:
    policy = access.policy_to_release(request.user, slug)
    stakes.end(policy=policy, stake_id=stake_id, by=people.signed_in(request.user))
    return redirect("policy-stakes", slug)


@login_required
@require_safe
def results_csv(request: HttpRequest, slug: str) -> HttpResponseBase:
    policy = access.policy_to_read(request.user, slug)
    response = StreamingHttpResponse(_csv_lines(policy), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{policy.slug}-results.csv"'
    return response


@login_required
@require_safe
def results_json(request: HttpRequest, slug: str) -> HttpResponseBase:
    policy = access.policy_to_read(request.user, slug)
    response = StreamingHttpResponse(_json_lines(policy), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{policy.slug}-results.json"'
    return response


@login_required
@require_safe
def trajectory(request: HttpRequest, slug: str, media_id: int) -> HttpResponseBase:
    """As its station sent it, never opened by us."""
    return served(access.trajectory_to_take(request.user, slug, media_id))


def _checked(request: HttpRequest, version: PolicyVersion) -> HttpResponse:
    checks.ask(version=version, by=people.signed_in(request.user), now=timezone.now())
    messages.success(request, f"The server of {version} is being checked. What was found will stand here.")
    return redirect("policy-manage", version.policy.slug)


class _Line:
    """A file to which csv writes one line at a time."""

    def write(self, line: str) -> str:
        return line


def _csv_lines(policy: Policy) -> Iterator[str]:
    writer = csv.writer(_Line(), lineterminator="\n")
    yield writer.writerow(selectors.RESULT_COLUMNS)
    for row in selectors.results(policy):
        yield writer.writerow([_cell(row[column]) for column in selectors.RESULT_COLUMNS])


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case list():
            return " ".join(map(str, value))
        case bool():
            return str(value).lower()
        case str():
            return as_cell(value)
        case _:
            return str(value)


def _json_lines(policy: Policy) -> Iterator[str]:
    head = {"policy": policy.slug, "name": policy.name, "licence": "CC BY 4.0"}
    yield f"{json.dumps(head)[:-1]}, " + '"results": ['
    for number, row in enumerate(selectors.results(policy)):
        yield f"{',' if number else ''}\n{json.dumps(row)}"
    yield "\n]}\n"
