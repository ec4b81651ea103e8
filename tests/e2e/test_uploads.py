"""Videos sent from the page of a session, through a line that breaks."""

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from evaluations import media
from evaluations.models import Label, MediaFile, Session, Upload
from tests.e2e.conftest import Site
from tests.e2e.evaluating import open_page, sign_in, violations
from tests.processes import eventually
from tests.resetting_proxy import ResettingProxy, resetting_proxy

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

MIB = 1024 * 1024
NO_STORE = "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };"


@pytest.fixture
def proxy(live_server: LiveServer) -> Iterator[ResettingProxy]:
    port = int(live_server.url.rpartition(":")[2])
    with resetting_proxy(("localhost", port), bytes_per_s=5 * MIB) as proxy:
        yield proxy


@pytest.fixture
def context(browser: Browser, proxy: ResettingProxy) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=proxy.url)
    yield context
    context.close()


@pytest.fixture
def session(site: Site) -> Session:
    return site.opened


@pytest.fixture
def video(long_video: bytes, tmp_path: Path) -> Path:
    """A readable video of 9 MB: most of it is a box that no player reads."""
    filling = secrets.token_bytes(9 * MIB)
    path = tmp_path / "left_camera.mp4"
    path.write_bytes(long_video + (len(filling) + 8).to_bytes(4, "big") + b"free" + filling)
    return path


@pytest.fixture
def page(context: BrowserContext, site: Site, session: Session) -> Page:
    page = context.new_page()
    sign_in(page, site.arena.dana.email)
    open_page(page, session, "score-a")
    return page


def uploads(page: Page, side: str = "A") -> Locator:
    return page.locator(f"[data-uploads][data-side={side}]")


def choose(page: Page, *paths: Path) -> None:
    uploads(page).locator("input[type=file]").set_input_files(list(paths))


def row(page: Page) -> Locator:
    return uploads(page).locator("[data-queue] > li")


def file(page: Page) -> Locator:
    return uploads(page).locator("[data-files] > li")


def expect_sending(page: Page, *, at_least: int) -> None:
    """The server has that much of it."""
    expect(row(page)).to_have_count(1)
    assert eventually(lambda: Upload.objects.filter(offset__gte=at_least, finished_at=None).exists())


def expect_same(path: Path) -> None:
    kept = MediaFile.objects.latest("received_at")
    with kept.file.open() as stored:
        assert hashlib.sha256(stored.read()).hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_video_is_sent_checked_and_taken_away(page: Page, session: Session, video: Path) -> None:
    choose(page, video)
    expect(row(page)).to_contain_text("left_camera.mp4")
    expect(row(page).get_by_role("combobox")).to_have_value("left")
    expect(row(page).get_by_role("progressbar", name="left_camera.mp4: sent")).to_be_visible()
    expect(row(page)).to_contain_text("of 9.0 MB")
    assert violations(page) == []
    expect(file(page)).to_contain_text("being checked", timeout=20_000)
    expect(row(page)).to_have_count(0)
    expect_same(video)
    media.check_side(side_id=session.sides.get(label=Label.A).pk, now=timezone.now())
    expect(file(page)).to_contain_text("readable, 4.0 s, 64×48", timeout=10_000)
    assert violations(page) == []
    page.reload()
    expect(file(page)).to_contain_text("readable, 4.0 s, 64×48")
    file(page).get_by_role("button", name="Take the file of the left camera away").click()
    expect(file(page)).to_have_count(0)
    assert MediaFile.objects.get(side__session=session).withdrawn_at is not None


def test_a_line_that_breaks_again_and_again_brings_the_same_file(
    page: Page, proxy: ResettingProxy, session: Session, video: Path
) -> None:
    proxy.break_after(2 * MIB)
    choose(page, video)
    assert proxy.was_broken.wait(20)
    proxy.break_after(5 * MIB)
    assert proxy.was_broken.wait(30)
    expect(file(page)).to_contain_text("being checked", timeout=60_000)
    expect_same(video)
    assert proxy.broken == 2


def test_while_the_network_is_away_it_waits_and_then_goes_on(
    page: Page, proxy: ResettingProxy, context: BrowserContext, video: Path
) -> None:
    choose(page, video)
    expect_sending(page, at_least=MIB)
    context.set_offline(True)
    proxy.break_all()
    expect(row(page)).to_contain_text("waiting for the network", timeout=20_000)
    context.set_offline(False)
    expect(file(page)).to_contain_text("being checked", timeout=30_000)
    expect_same(video)


def test_a_closed_tab_is_no_loss(page: Page, context: BrowserContext, session: Session, video: Path) -> None:
    choose(page, video)
    expect_sending(page, at_least=MIB)
    page.close()
    there = Upload.objects.get().offset
    again = context.new_page()
    open_page(again, session, "score-a")
    expect(file(again)).to_contain_text("being checked", timeout=30_000)
    expect_same(video)
    assert Upload.objects.count() == 1
    assert there >= MIB


def test_a_browser_that_keeps_nothing_asks_for_the_same_file_again(
    context: BrowserContext, site: Site, session: Session, video: Path, long_video: bytes
) -> None:
    context.add_init_script(NO_STORE)
    page = context.new_page()
    sign_in(page, site.arena.dana.email)
    open_page(page, session, "score-a")
    choose(page, video)
    expect_sending(page, at_least=MIB)
    page.close()
    again = context.new_page()
    open_page(again, session, "score-a")
    expect(row(again)).to_contain_text("Choose the same file again to go on.")
    other = video.parent / "left_other.mp4"
    other.write_bytes(long_video)
    choose(again, video)
    expect(file(again)).to_contain_text("being checked", timeout=30_000)
    expect_same(video)
    assert Upload.objects.count() == 1


def test_paused_resumed_and_cancelled(page: Page, video: Path) -> None:
    choose(page, video)
    expect_sending(page, at_least=MIB // 2)
    row(page).get_by_role("button", name="Pause left_camera.mp4").click()
    expect(row(page)).to_contain_text("paused")
    row(page).get_by_role("button", name="Resume left_camera.mp4").click()
    expect(row(page)).not_to_contain_text("paused")
    row(page).get_by_role("button", name="Cancel left_camera.mp4").click()
    expect(row(page)).to_have_count(0)
    assert eventually(lambda: Upload.objects.get().cancelled_at)
    assert not MediaFile.objects.filter(upload__isnull=False).exists()


def test_a_second_tab_leaves_it_to_the_first_and_takes_over(
    page: Page, context: BrowserContext, session: Session, video: Path
) -> None:
    choose(page, video)
    expect_sending(page, at_least=MIB // 2)
    second = context.new_page()
    open_page(second, session, "score-a")
    expect(row(second)).to_contain_text("being sent in another tab")
    page.close()
    expect(file(second)).to_contain_text("being checked", timeout=30_000)
    expect_same(video)


def test_what_is_no_video_is_not_sent(page: Page, settings: Settings, tmp_path: Path) -> None:
    notes = tmp_path / "left.mp4"
    notes.write_bytes(b"These are my notes.")
    choose(page, notes)
    expect(row(page)).to_contain_text("This file is no MP4 video.")
    row(page).get_by_role("button", name="Remove left.mp4").click()
    expect(row(page)).to_have_count(0)
    assert not Upload.objects.exists()


def test_nor_what_is_larger_than_the_limit(page: Page, session: Session, settings: Settings, video: Path) -> None:
    settings.MAX_UPLOAD_BYTES = 5 * MIB
    open_page(page, session, "score-a")
    choose(page, video)
    expect(row(page)).to_contain_text("This file has 9.0 MB; the limit is 5 MB.")
    assert not Upload.objects.exists()


def test_a_camera_that_the_name_does_not_tell_is_asked_for(
    page: Page, session: Session, long_video: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "VID_2026.mp4"
    path.write_bytes(long_video)
    choose(page, path)
    expect(row(page)).to_contain_text("Which camera is this?")
    assert violations(page) == []
    row(page).get_by_role("combobox").select_option("another")
    row(page).get_by_role("textbox").fill("Chest Cam 2")
    row(page).get_by_role("textbox").press("Enter")
    expect(file(page)).to_contain_text("chest cam 2 camera", timeout=20_000)
    assert MediaFile.objects.get(side__session=session).kind == "chest-cam-2"


def test_a_session_that_has_ended_says_so(page: Page, session: Session, video: Path) -> None:
    Session.objects.filter(pk=session.pk).update(lease_expires_at=timezone.now())
    choose(page, video)
    expect(row(page)).to_contain_text("This session has ended.", timeout=20_000)
