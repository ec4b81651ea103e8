"""The only roads to an owner's policies: members of the lab read, owners and admins change."""

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from arena.access import steward
from arena.errors import NotFound
from arena.models import Lab, Person, Policy, PolicyVersion, Source, parts_of
from evaluations.models import MediaFile
from evaluations.requests.access import labs_of, labs_to_order_for, require_owner

User = Person | AnonymousUser


def policy_in(labs: QuerySet[Lab], slug: str) -> Policy:
    """A policy of one of these labs, in which one acts."""
    found = Policy.objects.filter(lab__in=labs, slug=slug).select_related("lab").first()
    if found is None:
        raise NotFound("policy_unknown", "Your labs have no policy at this address.")
    return found


def policy_to_read(user: User, slug: str) -> Policy:
    return policy_in(labs_of(user), slug)


def policy_to_change(user: User, slug: str) -> Policy:
    found = policy_to_read(user, slug)
    require_owner(user, lab_of(found))
    return found


def policy_with_stakes(user: User, slug: str) -> Policy:
    """A policy of which one may say who has a stake in it: as its owner, or as a steward."""
    if isinstance(user, Person) and user.is_staff:
        return policy_to_release(user, slug)
    return policy_to_change(user, slug)


def policy_to_release(user: User, slug: str) -> Policy:
    """A policy of which a steward says that a lab has no stake in it any more."""
    steward(user)
    found = Policy.objects.filter(slug=slug, source=Source.REGISTERED).select_related("lab").first()
    if found is None:
        raise NotFound("policy_unknown", "There is no policy at this address.")
    return found


def version_to_change(user: User, label: str) -> PolicyVersion:
    found = version_in(labs_of(user), label)
    require_owner(user, lab_of(found.policy))
    return found


def version_in(labs: QuerySet[Lab], label: str) -> PolicyVersion:
    policy = policy_in(labs, parts_of(label)[0])
    found = policy.versions.select_related("policy__lab", "endpoint").labelled(label).first()
    if found is None:
        raise NotFound("version_unknown", "Your labs have no such version.", hint="It looks like SLUG@VERSION.")
    return found


def trajectory_to_take(user: User, slug: str, media_id: int) -> MediaFile:
    """A trajectory of a rollout of one's own policy, once its session is revealed."""
    policy = policy_to_read(user, slug)
    found = MediaFile.objects.filter(
        pk=media_id,
        kind=MediaFile.Kind.TRAJECTORY,
        withdrawn_at=None,
        side__version__policy=policy,
        side__session__revealed_at__isnull=False,
        side__session__training=False,
    ).first()
    if found is None or not found.file.storage.exists(found.file.name or ""):
        raise NotFound("trajectory_unknown", "There is no such trajectory.")
    return found


def labs_to_register_for(user: User) -> list[Lab]:
    return list(labs_to_order_for(user).order_by("name"))


def may_change(user: User, policy: Policy) -> bool:
    return labs_to_order_for(user).filter(policies=policy).exists()


def lab_of(policy: Policy) -> Lab:
    assert policy.lab is not None
    return policy.lab
