"""The page /data: accessible in both schemes, on a phone and on a wide screen, and what it offers can be checked."""

import hashlib
from typing import Literal

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from reports.exports import exports
from reports.models import DataExport
from tests.e2e.conftest import Site
from tests.e2e.evaluating import violations

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

NARROW, WIDE = 360, 1280


@pytest.fixture
def exported(site: Site) -> DataExport:
    now = timezone.now()
    export = exports.order(now=now)
    assert export is not None
    exports.make(export_id=export.pk, now=now)
    export.refresh_from_db()
    return export


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    browser: Browser, live_server: LiveServer, exported: DataExport, scheme: Literal["light", "dark"], width: int
) -> None:
    context = browser.new_context(
        base_url=live_server.url, color_scheme=scheme, viewport={"width": width, "height": 740}
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto("/data")
    page.get_by_text("sessions", exact=True).click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
    assert complaints == []


def test_a_file_that_is_downloaded_has_the_checksum_that_is_shown(
    browser: Browser, live_server: LiveServer, exported: DataExport
) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("contentinfo").get_by_role("link", name="Data").click()
    row = page.get_by_role("row", name="sessions.csv.gz")
    with page.expect_download() as download:
        row.get_by_role("link").click()
    digest = hashlib.sha256(download.value.path().read_bytes()).hexdigest()
    expect(row).to_contain_text(digest)
    context.close()
