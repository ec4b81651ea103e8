import errno
import os
from typing import Any

import pytest
from pytest_django.fixtures import Settings as SettingsWrapper

from evaluations import storage
from evaluations.models import MediaFile, Session
from tests.evaluations.uploads.client import TusClient, code


def test_the_disk_keeps_some_room_for_the_platform(
    dana: TusClient, session: Session, settings: SettingsWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DISK_RESERVE_BYTES = 1000
    monkeypatch.setattr(storage, "free_bytes", lambda: 1500)
    assert code(dana.create(session, size=501)) == (507, "storage_full")
    assert dana.create(session, size=500).status_code == 201


def test_the_quota_counts_what_is_there_and_what_is_coming(
    dana: TusClient, session: Session, settings: SettingsWrapper
) -> None:
    settings.MEDIA_QUOTA_BYTES = 1000
    dana.send(session, b"v" * 400)
    dana.begin(session, size=500, kind="right")
    assert code(dana.create(session, size=101, kind="wrist")) == (507, "storage_full")
    assert dana.create(session, size=100, kind="wrist").status_code == 201


def test_a_disk_that_fills_up_meanwhile_loses_nothing_that_was_taken(
    dana: TusClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = dana.begin(session, size=10)
    dana.patch(url, 0, b"1234")

    def full(*arguments: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        assert code(dana.patch(url, 4, b"567890")) == (507, "storage_full")
    assert dana.head(url)["Upload-Offset"] == "4"
    assert dana.patch(url, 4, b"567890").status_code == 204
    assert MediaFile.objects.count() == 1
