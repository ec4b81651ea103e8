"""The only roads to a lab's credits: its members', and stewards'."""

from django.contrib.auth.models import AnonymousUser

from arena import access
from arena.models import Lab, Person


def lab_with_statement(user: Person | AnonymousUser, slug: str) -> Lab:
    return access.lab_for_steward(user, slug) or access.membership(user, slug).lab
