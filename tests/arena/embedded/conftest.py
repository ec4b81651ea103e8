import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import belonging_to, eventually


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that root's servers reach too, which pytest's own temporary folders are not. Nothing may run on in it."""
    folder = Path(tempfile.mkdtemp(prefix="policy-arena-embedded-"))
    folder.chmod(0o711)
    try:
        yield folder / "home"
        assert eventually(lambda: not belonging_to(folder)), belonging_to(folder)
    finally:
        shutil.rmtree(folder)
