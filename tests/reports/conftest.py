"""What the tests of taggers and writers share."""

from typing import Any

import pytest

from reports import providers
from tests.reports.speaking import Speaker


@pytest.fixture
def speak(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a provider the only one, which gives these replies in turn."""

    def install(*replies: Any, **fields: Any) -> Speaker:
        speaker = Speaker(list(replies), **fields)
        monkeypatch.setattr(providers, "_registry", lambda: (speaker,))
        return speaker

    return install
