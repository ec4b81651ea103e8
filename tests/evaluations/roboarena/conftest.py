import pytest

from tests.evaluations.roboarena.client import RoboArenaClient
from tests.factories import Arena


@pytest.fixture
def client15(arena: Arena) -> RoboArenaClient:
    return RoboArenaClient(arena)
