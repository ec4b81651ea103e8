"""Policies, their versions and the endpoints that serve them."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.text import slugify

from arena import audit, labs
from arena.addresses import AddressError, check_endpoint_url
from arena.errors import ArenaError, Conflict, NotFound
from arena.models import Endpoint, HealthChange, Lab, Person, Policy, PolicyVersion, Source

VERSION_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,39}")
# An endpoint that failed this many checks in a row is down. One failure may be a restart or a busy server.
DOWN_AFTER_FAILURES = 3
# Since it was registered: how long a version that is withdrawn unlisted keeps its place among its lab's.
UNLISTED_PLACE_KEPT = timedelta(days=90)


@dataclass(frozen=True)
class EndpointCheck:
    """What one check of an endpoint found. `reached` is False where it could not be told whether the server is well."""

    reached: bool
    problem: str = ""
    metadata: dict[str, Any] | None = None


@transaction.atomic
def register_policy(
    *,
    lab: Lab,
    name: str,
    endpoint_url: str,
    version: str = "1",
    embodiment: str = "DROID",
    open_source: bool = False,
    by: Person | None = None,
    trial_first: bool = False,
    unlisted: bool = False,
) -> PolicyVersion:
    """A new version of a policy of `lab`, with the policy itself where it is new.

    trial_first: it is dealt to nobody before a lab has tried it, where trials are on and the robots are real.
    unlisted: others are told a pseudonym instead of its name, until it is listed. Never chosen later.
    """
    if not VERSION_PATTERN.fullmatch(version):
        raise ArenaError("bad_version", f"{version!r} cannot be a version.", hint="Letters, digits and . _ + - are.")
    _require_endpoint_url(endpoint_url)
    pseudonym = _next_pseudonym(lab) if unlisted else ""
    policy = _own_policy(lab=lab, name=name, open_source=open_source)
    before_trial = trial_first and settings.TRIAL_SESSIONS > 0 and not policy.simulated
    try:
        with transaction.atomic():
            made = PolicyVersion.objects.create(
                policy=policy,
                version=version,
                embodiment=labs.embodiment_named(embodiment),
                pool=PolicyVersion.Pool.TRIAL if before_trial else PolicyVersion.Pool.ACTIVE,
                pseudonym=pseudonym,
            )
    except IntegrityError:
        raise Conflict(
            "version_exists", f"{policy.slug}@{version} is registered already.", hint="New weights are a new version."
        ) from None
    Endpoint.objects.create(version=made, url=endpoint_url)
    tag = "policy:registered-unlisted" if unlisted else "policy:registered"
    audit.record(tag, subject=made.label, person=by, lab=lab)
    return made


@transaction.atomic
def move_endpoint(*, version: PolicyVersion, endpoint_url: str, by: Person | None = None) -> Endpoint:
    """The same version, served elsewhere from now on. What was known of the old server is forgotten."""
    _require_endpoint_url(endpoint_url)
    endpoint, _ = Endpoint.objects.update_or_create(
        version=version,
        defaults={
            "url": endpoint_url,
            "health": Endpoint.Health.UNKNOWN,
            "failures": 0,
            "last_problem": "",
            "checked_at": None,
            "metadata": None,
        },
    )
    HealthChange.objects.create(endpoint=endpoint, health=Endpoint.Health.UNKNOWN, problem="served elsewhere")
    audit.record("policy:endpoint-moved", subject=version.label, person=by, lab=version.policy.lab)
    return endpoint


def find_version(label: str) -> PolicyVersion:
    """A registered version by its label, SLUG@VERSION."""
    registered = PolicyVersion.objects.filter(policy__source=Source.REGISTERED).select_related("policy__lab")
    found = registered.labelled(label).first()
    if found is None:
        raise NotFound(
            "version_unknown", f"There is no registered version {label}.", hint="It looks like SLUG@VERSION."
        )
    return found


@transaction.atomic
def set_pool(*, version: PolicyVersion, pool: PolicyVersion.Pool, by: Person) -> PolicyVersion:
    """Put a version into the pool, pause it, or retire it, which is for good. Running sessions go on; a repeat changes
    nothing. While trials are on, one that waits for its trial gets into the pool by that alone, or by a waiver."""
    if pool == PolicyVersion.Pool.TRIAL:
        raise ArenaError("bad_field", "pool: No version is put before its trial again.")
    version = _locked(version)
    if version.pool == pool:
        return version
    if version.pool == PolicyVersion.Pool.RETIRED:
        raise Conflict("version_retired", f"{version} is retired for good.", hint="Register a new version.")
    if version.pool == PolicyVersion.Pool.TRIAL:
        _require_no_trial(version, pool)
    version.pool = pool
    version.save(update_fields=["pool"])
    tag = {"active": "policy:resumed", "paused": "policy:paused", "retired": "policy:retired"}[pool]
    audit.record(tag, subject=version.label, person=by, lab=version.policy.lab)
    return version


@transaction.atomic
def list_version(*, version: PolicyVersion, by: Person) -> PolicyVersion:
    """Everybody is told its name from now on, with all that it has shown. For good; a repeat changes nothing."""
    version = _locked(version)
    if version.is_unlisted:
        version.listed_at = timezone.now()
        version.save(update_fields=["listed_at"])
        details = {"pseudonym": version.pseudonym}
        audit.record("policy:listed", subject=version.label, person=by, lab=version.policy.lab, **details)
    return version


@transaction.atomic
def end_trial(*, version: PolicyVersion, by: Person | None = None, waived_because: str = "") -> PolicyVersion:
    """Into the pool, after a trial's go; or without one, where a steward has waived it and said why."""
    version = _locked(version)
    if version.pool != PolicyVersion.Pool.TRIAL:
        raise Conflict("no_trial_due", f"{version} does not wait for a trial.")
    version.pool = PolicyVersion.Pool.ACTIVE
    version.save(update_fields=["pool"])
    if waived_because:
        comment = {"comment": waived_because}
        audit.record("policy:trial-waived", subject=version.label, person=by, lab=version.policy.lab, **comment)
    else:
        audit.record("policy:tried", subject=version.label, lab=version.policy.lab)
    return version


def unlisted_places_left(lab: Lab) -> int:
    """How many more versions of the lab may be registered unlisted today.

    Listing one frees its place at once. Taking it out of the pool frees it only after the time that a place is kept:
    whoever withdraws what turned out badly cannot try the next one instead.
    """
    kept = Q(created_at__gt=timezone.now() - UNLISTED_PLACE_KEPT) | ~Q(pool=PolicyVersion.Pool.RETIRED)
    taken = PolicyVersion.objects.unlisted().filter(kept, policy__lab=lab).count()
    return max(settings.UNLISTED_VERSIONS_MAX - taken, 0)


def _next_pseudonym(lab: Lab) -> str:
    """Expects to be part of the transaction that uses it: nobody else can take the lab's last place meanwhile."""
    lab = Lab.objects.select_for_update(no_key=True).get(pk=lab.pk)
    if not unlisted_places_left(lab):
        raise Conflict(
            "unlisted_limit",
            f"{lab} has as many unlisted versions as a lab may have: {settings.UNLISTED_VERSIONS_MAX}.",
            hint=f"List one. A retired one keeps its place for {UNLISTED_PLACE_KEPT.days} days from its registration.",
        )
    number = PolicyVersion.objects.filter(policy__lab=lab).exclude(pseudonym="").count() + 1
    return f"unlisted.{lab.slug}@{number}"


def _locked(version: PolicyVersion) -> PolicyVersion:
    return PolicyVersion.objects.select_for_update(of=("self",)).select_related("policy__lab").get(pk=version.pk)


def _require_no_trial(version: PolicyVersion, pool: PolicyVersion.Pool) -> None:
    """Pausing is refused as well: what is paused can be resumed."""
    is_off = settings.TRIAL_SESSIONS == 0
    if pool != PolicyVersion.Pool.RETIRED and not (pool == PolicyVersion.Pool.ACTIVE and is_off):
        raise Conflict("trial_first", f"{version} waits for its trial.", hint="Ask a lab for one on the policy's page.")


def _require_endpoint_url(url: str) -> None:
    try:
        check_endpoint_url(url)
    except AddressError as error:
        raise ArenaError("bad_endpoint", str(error), hint="It looks like ws://HOST:PORT.") from None


def _own_policy(*, lab: Lab, name: str, open_source: bool) -> Policy:
    slug = slugify(name)[:80]
    if not slug:
        raise ArenaError("bad_name", f"{name!r} has no letter or digit that an address could show.")
    policy, created = Policy.objects.get_or_create(
        slug=slug,
        defaults={"name": name.strip()[:120], "lab": lab, "open_source": open_source, "simulated": lab.simulated},
    )
    if not created and (policy.source == Source.IMPORTED or policy.lab_id != lab.pk):
        raise Conflict("policy_exists", f"There is a policy named {name} already, of another owner.")
    return policy


def record_endpoint_check(*, endpoint: Endpoint, check: EndpointCheck) -> None:
    """Keep what a check found. The health follows from the row as it stands when the update is made."""
    fields: dict[str, Any] = {"checked_at": timezone.now(), "last_problem": check.problem[:200]}
    row = Endpoint.objects.filter(pk=endpoint.pk)
    if check.reached and not check.problem:
        row.update(**fields, failures=0, metadata=check.metadata)
        _become(row, Endpoint.Health.UP)
        return
    row.update(**fields, failures=F("failures") + 1)
    _become(
        row if check.reached else row.filter(failures__gte=DOWN_AFTER_FAILURES), Endpoint.Health.DOWN, check.problem
    )


def _become(rows: QuerySet[Endpoint], health: Endpoint.Health, problem: str = "") -> None:
    """Where the health is another, it changes, and the moment is kept."""
    for endpoint in rows.exclude(health=health):
        with transaction.atomic():
            if Endpoint.objects.filter(pk=endpoint.pk).exclude(health=health).update(health=health):
                HealthChange.objects.create(endpoint=endpoint, health=health, problem=problem[:200])
