"""Labs and their members, as an operator makes them, and the robots that are known."""

import itertools

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.text import slugify

from arena import audit, people
from arena.errors import ArenaError, Conflict, NotFound
from arena.jobs import Job, enqueue
from arena.models import Embodiment, Lab, Membership, Role, Source


@transaction.atomic
def create_lab(*, name: str, simulated: bool = False, source: Source = Source.REGISTERED) -> Lab:
    name = clean_name(name, what="A lab")
    slug = slugify(name)[:60]
    if not slug:
        raise ArenaError("bad_name", f"{name!r} has no letter or digit that an address could show.")
    if source == Source.IMPORTED:
        slug = _free_slug(f"{slug}-imported")
    try:
        with transaction.atomic():
            lab = Lab.objects.create(slug=slug, name=name, simulated=simulated, source=source)
    except IntegrityError:
        raise _lab_exists(name=name, slug=slug) from None
    audit.record("lab:created", subject=lab.slug, lab=lab, simulated=simulated, source=source)
    enqueue(Job.GIVE_CREDITS)
    return lab


def _free_slug(slug: str) -> str:
    """Nobody chose the names that an import brings, nor types their slugs: they may be counted."""
    numbered = (f"{slug}-{number}" for number in itertools.count(2))
    return next(free for free in itertools.chain([slug], numbered) if not Lab.objects.filter(slug=free).exists())


def _lab_exists(*, name: str, slug: str) -> Conflict:
    other = Lab.objects.filter(slug=slug).exclude(name__iexact=name).first()
    if other is None:
        return Conflict("lab_exists", f"There is a lab named {name} already.")
    return Conflict("lab_exists", f"{name} would have the address {slug}, which is that of {other}.")


def find_lab(name: str) -> Lab:
    """A registered lab by its name or its slug."""
    labs = registered()
    lab = labs.filter(slug=name).first() or labs.filter(name__iexact=name).first()
    if lab is None:
        raise NotFound("lab_unknown", f"There is no lab named {name}.", hint="Make it with create_lab.")
    return lab


def registered() -> QuerySet[Lab]:
    return Lab.objects.filter(source=Source.REGISTERED)


@transaction.atomic
def add_member(*, lab: Lab, email: str, role: Role, name: str = "", password: str | None = None) -> Membership:
    """Make `email` a member of `lab`, with an account where there is none yet; a repeat changes only the role."""
    person = people.find_person(email) or people.create_person(email=email, name=name, password=password)
    membership, created = Membership.objects.get_or_create(lab=lab, person=person, defaults={"role": role})
    if created or membership.role != role:
        membership.role = role
        membership.save(update_fields=["role"])
        audit.record("member:added" if created else "member:role", subject=f"person:{person.pk}", lab=lab, role=role)
    return membership


def embodiment_named(name: str) -> Embodiment:
    """The embodiment that clients call `name`, made where it is new; letter case does not matter."""
    name = clean_name(name, what="An embodiment")
    return Embodiment.objects.get_or_create(name__iexact=name, defaults={"name": name})[0]


def embodiment_is_new(name: str) -> bool:
    """Whether nobody has named this robot yet: it may be a slip of the pen, and is worth saying."""
    return not Embodiment.objects.filter(name__iexact=" ".join(name.split())).exists()


def clean_name(name: str, *, what: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 60 or not name.isprintable():
        raise ArenaError("bad_name", f"{what} needs a name of 1 to 60 printable characters.")
    return name
