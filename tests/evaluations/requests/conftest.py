from collections.abc import Iterator

import pytest
from django.test import override_settings

from arena.models import Person, Role
from credits import ledger
from tests.factories import Arena, make_arena, make_person


@pytest.fixture
def arena(db: None) -> Arena:
    """An arena whose owners have 20 credits."""
    made = make_arena()
    ledger.earn(lab=made.owners, amount=20, key="welcome")
    return made


@pytest.fixture
def alice(arena: Arena) -> Person:
    return make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)


@pytest.fixture
def _always_requested() -> Iterator[None]:
    with override_settings(REQUESTED_SHARE=1.0):
        yield
