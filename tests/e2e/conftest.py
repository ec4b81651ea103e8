"""A real Chromium, and a small arena for it to look at."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from pytest_django.live_server_helper import LiveServer

from arena.models import Policy, Role
from evaluations import media, sessions
from evaluations.models import Label, Preference, Session
from leaderboard import snapshots
from tests import factories
from tests.services_plugin import chromium

PASSWORD = "a password of the tests"
FRAMES_PER_SECOND = 10
QUIET_LOOKS = 3
BUSY = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for these tests. It ends with them, because Playwright's event loop makes Django refuse the ORM."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright:
            started = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            yield started
            started.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(autouse=True)
def _requests_have_ended(transactional_db: None) -> Iterator[None]:
    """A page that is closed may leave requests at the server: emptying the tables under one would be a deadlock."""
    yield
    deadline, quiet = time.monotonic() + 20, 0
    while quiet < QUIET_LOOKS and time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(BUSY)
            (busy,) = cursor.fetchone() or (0,)
        quiet = 0 if busy else quiet + 1
        time.sleep(0.05)


@pytest.fixture
def context(browser: Browser, live_server: LiveServer) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=live_server.url)
    yield context
    context.close()


def make_video(path: Path, *, seconds: int) -> bytes:
    """An MP4 whose picture grows lighter: small, and every frame a different one."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(seconds * FRAMES_PER_SECOND):
            picture = np.full((48, 64, 3), 5 * number % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path.read_bytes()


@pytest.fixture(scope="session")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_video(tmp_path_factory.mktemp("video") / "long.mp4", seconds=4)


@pytest.fixture(scope="session")
def short_video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_video(tmp_path_factory.mktemp("video") / "short.mp4", seconds=2)


@dataclass(frozen=True)
class Site:
    """What the pages show: a board of three policies, and a session of each kind."""

    arena: factories.Arena
    watched: Session
    abandoned: Session
    opened: Session


@pytest.fixture
def site(transactional_db: None, long_video: bytes, short_video: bytes) -> Site:
    arena = factories.make_arena(policies_in_pool=3)
    Policy.objects.filter(pk=arena.versions[0].policy_id).update(open_source=True)
    arena.dana.set_password(PASSWORD)
    arena.dana.save()
    now = timezone.now() - timedelta(hours=1)
    for number in range(8):
        preference = Preference.TIE if number == 0 else Preference.A
        session = factories.open_session(arena, f"stack block {number}", now=now + timedelta(minutes=number))
        factories.finish_session(session, preference=preference, now=now + timedelta(minutes=number, seconds=30))
    abandoned = factories.open_session(arena, "fold the towel", now=now)
    sessions.abandon(session=abandoned, now=now + timedelta(minutes=1), by=arena.dana)
    watched = factories.open_session(arena, "put the cup on the plate", now=now)
    factories.upload_episode(watched, Label.A, video=long_video, now=now)
    factories.upload_episode(watched, Label.B, video=short_video, now=now)
    sessions.submit(
        session=watched,
        judgement=sessions.Judgement(preference=Preference.B, notes="B was steadier.", valid=True),
        now=now + timedelta(minutes=20),
    )
    for side in watched.sides.all():
        media.check_side(side_id=side.pk, now=now)
    opened = factories.open_session(arena, "open the drawer")
    snapshots.recompute_all(now=timezone.now())
    return Site(arena=arena, watched=watched, abandoned=abandoned, opened=opened)


@pytest.fixture
def newcomer(transactional_db: None) -> str:
    """The e-mail of someone whose lab is empty: all of its lists are."""
    lab = factories.make_lab("An empty lab")
    return factories.make_person("alice@example.org", lab=lab, role=Role.ADMIN, password=PASSWORD).email
