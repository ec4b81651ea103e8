"""Pieces in any order, from several senders, with restarts and lost disks: the same file comes out, or none does."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arena.errors import ArenaError
from evaluations import storage, uploads
from evaluations.models import MediaFile, Upload
from evaluations.uploads import Wanted
from tests.factories import make_arena, open_session

DATA = bytes(range(251)) * 4

STEPS = st.one_of(
    st.tuples(st.just("next"), st.integers(1, 400)),  # a piece where the upload ends
    st.tuples(st.just("piece"), st.integers(0, len(DATA) - 1)),  # one for somewhere, as a stale sender has it
    st.tuples(st.just("too much"), st.integers(1, 400)),
    st.tuples(st.just("scribble"), st.integers(1, 400)),  # bytes beyond the row: a process died before it said so
    st.tuples(st.just("lose"), st.integers(0, 400)),  # the disk comes back with less
    st.tuples(st.just("look"), st.just(0)),
    st.tuples(st.just("begin"), st.just(0)),
    st.tuples(st.just("sweep"), st.just(0)),
)
REFUSALS = {None, "upload_offset", "upload_too_long", "media_exists"}


@pytest.mark.slow
@pytest.mark.django_db
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(STEPS, max_size=14))
def test_the_same_file_or_a_refusal(steps: list[tuple[str, int]], tmp_path: Path) -> None:
    with override_settings(FILE_UPLOAD_TEMP_DIR=tmp_path / "uploading"):
        arena = make_arena()
        side = open_session(arena, f"{timezone.now()}").sides.get(label="A")
        wanted = Wanted("left", "left.mp4", len(DATA))
        upload = uploads.begin(side=side, person=arena.dana, wanted=wanted, now=timezone.now())
        for step, number in steps:
            assert refusal(upload, step, number, wanted) in REFUSALS
        send_the_rest(upload)
        media = MediaFile.objects.get(side=side)
        with media.file.open() as file:
            assert file.read() == DATA
        assert media.sha256 == hashlib.sha256(DATA).hexdigest()
        assert Upload.objects.get(side=side).offset == len(DATA)
        assert not storage.partial_path(upload).exists()


def refusal(upload: Upload, step: str, number: int, wanted: Wanted) -> str | None:
    now = timezone.now()
    row = Upload.objects.select_related("side__session").get(pk=upload.pk)
    path = storage.partial_path(row)
    try:
        match step:
            case "next":
                uploads.append(upload=row, offset=row.offset, piece=DATA[row.offset : row.offset + number], now=now)
            case "piece":
                uploads.append(upload=row, offset=number, piece=DATA[number : number + 50], now=now)
            case "too much":
                uploads.append(upload=row, offset=row.offset, piece=DATA[row.offset :] + b"x" * number, now=now)
            case "scribble" if path.exists() and path.stat().st_size >= row.offset:
                storage.write_at(path, row.offset, b"?" * number)
            case "lose" if path.exists():
                path.write_bytes(path.read_bytes()[: max(0, path.stat().st_size - number)])
            case "look":
                uploads.look(upload=row, now=now)
            case "begin":
                again = uploads.begin(side=row.side, person=row.person, wanted=wanted, now=now)
                assert again.pk == row.pk
            case "sweep":
                uploads.sweep(now=now + timedelta(minutes=5))
    except ArenaError as error:
        return error.code
    return None


def send_the_rest(upload: Upload) -> None:
    """As a client does that asks where it is, sends a piece, and asks again."""
    for _ in range(100):
        row = Upload.objects.select_related("side__session").get(pk=upload.pk)
        row = uploads.look(upload=row, now=timezone.now())
        if row.finished_at is not None:
            return
        uploads.append(upload=row, offset=row.offset, piece=DATA[row.offset : row.offset + 300], now=timezone.now())
    raise AssertionError("the upload never ends")
