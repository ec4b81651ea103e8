"""A lab that registers many unlisted versions at once has no more of them than its places."""

from functools import partial

import pytest
from django.conf import settings

from arena import policies
from arena.errors import Conflict
from arena.models import AuditEvent, PolicyVersion, Role
from tests.concurrency.test_sessions import AT_ONCE, at_once
from tests.factories import make_lab, make_person, make_version

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_last_place_is_taken_once() -> None:
    lab = make_lab("Dune Lab")
    found = at_once(
        [partial(make_version, f"heron {number}", lab=lab, unlisted=True, up=False) for number in range(AT_ONCE)]
    )
    made = [one for one in found if isinstance(one, PolicyVersion)]
    refused = [one for one in found if isinstance(one, Conflict) and one.code == "unlisted_limit"]
    assert (len(made), len(made) + len(refused)) == (settings.UNLISTED_VERSIONS_MAX, AT_ONCE)
    assert {one.pseudonym for one in made} == {"unlisted.dune-lab@1", "unlisted.dune-lab@2"}


def test_who_lists_it_twice_at_once_lists_it_once() -> None:
    lab = make_lab()
    alice, version = make_person("alice@example.org", lab=lab, role=Role.OWNER), make_version(lab=lab, unlisted=True)
    found = at_once([partial(policies.list_version, version=version, by=alice)] * AT_ONCE)
    version.refresh_from_db()
    assert {one.listed_at for one in found if isinstance(one, PolicyVersion)} == {version.listed_at}
    assert AuditEvent.objects.filter(tag="policy:listed").count() == 1
