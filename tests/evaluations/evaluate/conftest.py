"""Dana, signed in."""

import pytest
from django.test import Client

from tests.factories import Arena


@pytest.fixture
def dana(client: Client, arena: Arena) -> Client:
    client.force_login(arena.dana)
    return client
