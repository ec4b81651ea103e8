"""Homes for embedded servers."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import belonging_to, eventually


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A home that root's servers reach too, which pytest's own temporary folders are not. Nothing may run on in it."""
    folder = Path(tempfile.mkdtemp(prefix="policy-arena-home-"))
    folder.chmod(0o711)
    try:
        yield folder / "home"
        assert eventually(lambda: not belonging_to(folder)), belonging_to(folder)
    finally:
        shutil.rmtree(folder)
