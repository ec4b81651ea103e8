from typing import Any

import pytest

from arena.models import Person, Role
from tests.arena.accounts.steps import PASSWORD
from tests.factories import make_lab, make_person


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def dana(db: None) -> Person:
    return make_person("dana@example.org", lab=make_lab(), role=Role.EVALUATOR, password=PASSWORD)


@pytest.fixture
def alice(db: None) -> Person:
    return make_person("alice@example.org", lab=make_lab(), role=Role.OWNER, password=PASSWORD)
