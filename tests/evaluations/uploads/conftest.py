from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from evaluations.models import Session
from tests.evaluations.uploads.client import TusClient
from tests.factories import Arena, open_session


@pytest.fixture(autouse=True)
def uploading(tmp_path: Path, _own_media: None) -> Iterator[Path]:
    """Where the pieces lie: beside the media, as in an installation."""
    with override_settings(FILE_UPLOAD_TEMP_DIR=tmp_path / "uploading"):
        yield tmp_path / "uploading"


@pytest.fixture
def session(arena: Arena) -> Session:
    return open_session(arena)


@pytest.fixture
def dana(arena: Arena) -> TusClient:
    return TusClient.of(arena.dana)
