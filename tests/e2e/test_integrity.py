"""The page /integrity: accessible in both schemes, on a phone and on a wide screen, and without scripts."""

from datetime import timedelta
from typing import Literal

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from arena import keys
from arena.models import Role
from evaluations import sessions
from leaderboard import snapshots
from tests import factories
from tests.e2e.conftest import Site
from tests.e2e.evaluating import violations

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

NARROW, WIDE = 360, 1280


@pytest.fixture
def judged(site: Site) -> Site:
    """Some of each state: a second lab, an excluded session, enough sessions for a verdict."""
    arena, now = site.arena, timezone.now() - timedelta(minutes=5)
    lab = factories.make_lab("Another Lab")
    person = factories.make_person("another@example.org", lab=lab, role=Role.EVALUATOR)
    station = factories.make_station(lab=lab)
    key, _ = keys.create_client_key(person=person, station=station)
    other = factories.Arena(arena.owners, arena.versions, lab, person, station, key, "")
    for _ in range(30):
        factories.finish_session(factories.open_session(other, now=now), now=now)
    excluded = factories.finish_session(factories.open_session(arena, now=now), now=now)
    eve = factories.make_steward()
    sessions.exclude(session=excluded, reason="camera moved", comment="It was moved between A and B.", by=eve)
    snapshots.recompute_all(now=timezone.now())
    return site


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    browser: Browser, live_server: LiveServer, judged: Site, scheme: Literal["light", "dark"], width: int
) -> None:
    context = browser.new_context(
        base_url=live_server.url, color_scheme=scheme, viewport={"width": width, "height": 740}
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    for path in ("/integrity?board=overall", "/integrity?board=imported"):
        page.goto(path)
        assert [(path, *one) for one in violations(page)] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
    assert complaints == []


def test_the_answer_comes_first_and_leads_to_its_figures(
    browser: Browser, live_server: LiveServer, judged: Site
) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("contentinfo").get_by_role("link", name="Integrity").click()
    glance = page.get_by_role("region", name="At a glance")
    expect(glance.get_by_role("listitem")).to_have_count(5)
    expect(glance.get_by_role("listitem").first).to_contain_text("review from 40 %")
    excluded = page.get_by_role("region", name="What is left out")
    expect(excluded.get_by_text("It was moved between A and B.")).to_be_visible()
    glance.get_by_role("link", name="Completion").click()
    expect(page.get_by_role("heading", name="What was completed")).to_be_in_viewport()
    with page.expect_download() as download:
        page.get_by_role("link", name="All of these shares (CSV)").click()
    assert download.value.path().read_text(encoding="utf-8").startswith("policy,by,largest,")
    page.get_by_role("region", name="The order without one lab").get_by_role("link", name="Another Lab").click()
    expect(page).to_have_url(f"{live_server.url}/?board=overall.without-lab.another-lab")
    context.close()
