"""Labs that have a stake in a single policy without owning it: they never evaluate it."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from arena import audit
from arena.errors import ArenaError, NotFound
from arena.models import Lab, Person, Policy, PolicyStake, PolicyVersion


@transaction.atomic
def declare(*, policy: Policy, lab: Lab, by: Person, comment: str = "") -> PolicyStake:
    """From now on the lab is not dealt the policy. What was declared already stands."""
    if lab.pk == policy.lab_id:
        raise ArenaError("stake_of_the_owner", f"{lab} owns {policy}, and never evaluates it in any case.")
    Policy.objects.select_for_update(no_key=True).get(pk=policy.pk)
    known = living_of(policy).filter(lab=lab).first()
    if known is not None:
        return known
    stake = PolicyStake.objects.create(policy=policy, lab=lab, declared_by=by, comment=comment.strip()[:200])
    audit.record("stake:declared", subject=f"stake:{stake.pk}", person=by, lab=lab, policy=policy.slug)
    return stake


@transaction.atomic
def end(*, policy: Policy, stake_id: int, by: Person) -> None:
    """A steward's word that the lab has no stake any more; a repeat changes nothing. The record stays."""
    stake = PolicyStake.objects.filter(policy=policy, pk=stake_id).select_related("lab").first()
    if stake is None:
        raise NotFound("stake_unknown", "There is no such stake.")
    if PolicyStake.objects.filter(pk=stake.pk, ended_at=None).update(ended_at=timezone.now(), ended_by=by):
        audit.record("stake:ended", subject=f"stake:{stake.pk}", person=by, lab=stake.lab, policy=policy.slug)


def living_of(policy: Policy) -> QuerySet[PolicyStake]:
    return PolicyStake.objects.filter(policy=policy, ended_at=None).select_related("lab")


def versions_barred_to(lab_ids: Collection[int]) -> frozenset[int]:
    """The versions of policies in which one of these labs has a stake."""
    barred = PolicyVersion.objects.filter(policy__stakes__lab__in=lab_ids, policy__stakes__ended_at=None)
    return frozenset(barred.values_list("pk", flat=True))
