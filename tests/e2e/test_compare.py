"""Two policies beside each other in a real browser: WCAG by axe-core in both schemes, no sideways scrolling."""

from datetime import timedelta
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from arena.models import PolicyVersion
from evaluations.models import Preference, Session
from leaderboard import pair_evidence, snapshots
from tests.factories import finish_session, make_arena, open_session

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
# In the order in which they are held, of the first policy. It is certified by the last.
OUTCOMES = "wwtwwwwwtwwwww"


@pytest.fixture
def pair(transactional_db: None) -> list[PolicyVersion]:
    """Two policies that have met: the first is certified better."""
    arena = make_arena(policies_in_pool=2)
    first = arena.versions[0]
    start = timezone.now() - timedelta(days=1)
    for number, outcome in enumerate(OUTCOMES):
        now = start + timedelta(minutes=10 * number)
        session = open_session(arena, f"put the cup on the plate {number}", now=now)
        first_is_a = session.sides.get(label="A").version_id == first.pk
        preference, progress = Preference.TIE, (0.5, 0.5)
        if outcome != "t":
            a_wins = first_is_a == (outcome == "w")
            preference, progress = (Preference.A, (0.9, 0.4)) if a_wins else (Preference.B, (0.4, 0.9))
        finish_session(session, preference=preference, progress=progress, now=now + timedelta(minutes=5))
    snapshots.recompute_all(now=timezone.now())
    pair_evidence.write(now=timezone.now())
    return arena.versions


def assert_accessible_and_fits(page: Page, width: int) -> None:
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390), ("light", 390), ("dark", 1440)])
def test_the_certificate_can_be_read_by_everybody(
    browser: Browser,
    live_server: LiveServer,
    pair: list[PolicyVersion],
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    first, second = pair
    context = browser.new_context(
        base_url=live_server.url, color_scheme=scheme, viewport={"width": width, "height": 900}
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"/compare/{first.label}/{second.label}")
    expect(page.get_by_text(f"{first.label} is better: certified after")).to_be_visible()
    expect(page.get_by_role("img", name="Score of the first")).to_be_visible()
    assert_accessible_and_fits(page, width)
    for table in page.get_by_text("As a table").all():
        table.click()
    rows = page.get_by_role("row", name="14 ")
    expect(rows.first).to_be_visible()
    assert_accessible_and_fits(page, width)
    page.get_by_role("link", name="put the cup on the plate 13").click()
    expect(page).to_have_url(f"{live_server.url}/sessions/{_last_session(second)}")
    context.close()
    assert complaints == []


def _last_session(version: PolicyVersion) -> str:
    return str(Session.objects.filter(sides__version=version).latest("closed_at").pk)
