"""Labs that are close to each other: neither evaluates the other's policies."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from arena import audit
from arena.errors import AccessDenied, ArenaError
from arena.models import Affiliation, Lab, Person


@transaction.atomic
def declare(*, lab: Lab, other: Lab, by: Person, comment: str = "") -> Affiliation:
    """From now on neither lab is dealt the other's policies. What either has declared already stands."""
    if lab == other:
        raise ArenaError("affiliation_with_itself", "A lab is never dealt its own policies: name another lab.")
    # Two that declare each other at the same time wait for one another here, whichever comes first.
    list(Lab.objects.select_for_update(no_key=True).filter(pk__in=[lab.pk, other.pk]).order_by("pk"))
    known = living_between(lab, other).first()
    if known is not None:
        return known
    affiliation = Affiliation.objects.create(lab=lab, other=other, declared_by=by, comment=comment.strip()[:200])
    details = {"other": other.slug, "comment": affiliation.comment}
    audit.record("affiliation:declared", subject=f"affiliation:{affiliation.pk}", person=by, lab=lab, **details)
    return affiliation


@transaction.atomic
def end(*, affiliation: Affiliation, by: Person) -> None:
    """A steward's word that the two are close no longer; a repeat changes nothing. The record stays."""
    if not by.is_staff:
        raise AccessDenied("not_a_steward", "Only a steward ends an affiliation.", hint="Write to a steward.")
    row = Affiliation.objects.filter(pk=affiliation.pk, ended_at=None)
    if row.update(ended_at=timezone.now(), ended_by=by):
        details = {"other": affiliation.other.slug}
        audit.record(
            "affiliation:ended", subject=f"affiliation:{affiliation.pk}", person=by, lab=affiliation.lab, **details
        )


def barred_labs(lab_ids: Collection[int]) -> frozenset[int]:
    """All labs that are affiliated with any of these labs, whichever of the two declared it."""
    return frozenset(other for _, other in barred_pairs(lab_ids))


def barred_pairs(lab_ids: Collection[int]) -> frozenset[tuple[int, int]]:
    """Each of these labs with each lab that it is affiliated with."""
    declared = living().filter(Q(lab__in=lab_ids) | Q(other__in=lab_ids)).values_list("lab_id", "other_id")
    both_ways = {pair for lab, other in declared for pair in ((lab, other), (other, lab))}
    given = set(lab_ids)
    return frozenset(pair for pair in both_ways if pair[0] in given)


def living() -> QuerySet[Affiliation]:
    return Affiliation.objects.filter(ended_at=None)


def living_between(lab: Lab, other: Lab) -> QuerySet[Affiliation]:
    return living().filter(Q(lab=lab, other=other) | Q(lab=other, other=lab))


def affiliations_of(lab: Lab) -> list[tuple[Affiliation, Lab]]:
    """The living affiliations of a lab, each with the lab at its other end."""
    found = living().filter(Q(lab=lab) | Q(other=lab)).select_related("lab", "other").order_by("created_at")
    return [
        (affiliation, affiliation.other if affiliation.lab_id == lab.pk else affiliation.lab) for affiliation in found
    ]
