"""The only roads to a lab's credits: its members', and stewards'."""

from django.contrib.auth.models import AnonymousUser

from arena import access
from arena.errors import NotFound
from arena.models import Lab, Person


def lab_with_statement(user: Person | AnonymousUser, slug: str) -> Lab:
    if isinstance(user, Person) and user.is_staff:
        access.steward(user)
        lab = Lab.objects.filter(slug=slug).first()
        if lab is None:
            raise NotFound("lab_unknown", "There is no such lab, or it is not yours.")
        return lab
    return access.membership(user, slug).lab
