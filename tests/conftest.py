import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from tests.factories import Arena, make_arena
from tests.workers.provider_server import ProviderServer, running_provider_server

LEFT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database can only be dropped when nobody is connected, and a request of the browser's whose answer nobody
    waits for any more may keep a thread of the live server, with its connection, until the process ends."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(LEFT)


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """Real hashes take long by design; what they protect is no part of these tests."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_noise() -> Iterator[None]:
    """Every draw is a normal one, except where a test is about the others."""
    with override_settings(REPEAT_SHARE=0.0, SAME_POLICY_SHARE=0.0):
        yield


@pytest.fixture(autouse=True)
def _own_media(tmp_path: Path) -> Iterator[None]:
    with override_settings(MEDIA_ROOT=tmp_path / "media"):
        yield


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


@pytest.fixture
def arena(db: None) -> Arena:
    return make_arena()


@pytest.fixture
def model_server() -> Iterator[ProviderServer]:
    """A server of models; `tests.workers.providers.asking.options_for` says how it is reached."""
    with running_provider_server() as server:
        yield server


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real evaluations that some tests read; it is no part of the project."""
    folder = Path(os.environ.get("ARENA_SHARED", settings.BASE_DIR.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"the shared data are not at {folder} (set ARENA_SHARED)")
    return folder
