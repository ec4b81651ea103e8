from datetime import timedelta

from django.conf import settings
from django.test import Client
from django.utils import timezone

from arena.models import Role
from evaluations.models import Session
from tests.evaluations.evaluate.forms import address
from tests.factories import Arena, make_person, open_session


def test_one_press_starts_the_lease_anew(dana: Client, arena: Arena) -> None:
    session = open_session(arena, now=timezone.now() - timedelta(minutes=110))
    before = timezone.now()
    assert dana.post(address(session, "/extend")).headers["Location"] == address(session)
    session.refresh_from_db()
    assert session.lease_expires_at is not None
    assert session.lease_expires_at >= before + settings.SESSION_LEASE


def test_one_that_ran_out_stays_ended(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    past = timezone.now() - timedelta(seconds=1)
    Session.objects.filter(pk=session.pk).update(lease_expires_at=past)
    dana.post(address(session, "/extend"))
    session.refresh_from_db()
    assert session.lease_expires_at == past


def test_it_is_nobody_elses(client: Client, arena: Arena) -> None:
    session = open_session(arena)
    client.force_login(make_person("bob@example.org", lab=arena.lab, role=Role.ADMIN))
    assert client.post(address(session, "/extend")).status_code == 404
    assert client.get(address(session, "/extend")).status_code == 405
