"""Boards, two policies beside each other, the method, the stewards' oddities: accessible, and without scripts."""

from typing import Literal

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from evaluations.models import Session
from leaderboard import pair_evidence, snapshots
from leaderboard.boards import board_named
from leaderboard.models import Oddity
from tests.e2e.conftest import Site
from tests.e2e.evaluating import violations
from tests.e2e.test_labs import sign_in
from tests.factories import make_steward

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

NARROW, WIDE = 360, 1280
OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true; })"


def steward_of(site: Site) -> str:
    """Something for a steward to look at; and what each pair has shown."""
    now = timezone.now()
    pair_evidence.write(now=now)
    session = Session.objects.valid().earliest("closed_at")
    figures = {"n": 40, "figure": 0.9, "p": 1e-9, "bound": 0.1, "threshold": 1e-3, "sessions": [str(session.pk)]}
    odd = Oddity.objects.create(
        board="overall",
        kind="lab",
        name=site.arena.lab.slug,
        check_name="quick",
        figures=figures,
        first_seen=now,
        last_seen=now,
    )
    odd.comments.create(person=make_steward("frank@example.org"), made_at=now, text="The robot is fast.", p=1e-6)
    one, other = (version.label for version in site.arena.versions[:2])
    return f"/compare/{one}/{other}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(
    browser: Browser, live_server: LiveServer, site: Site, scheme: Literal["light", "dark"]
) -> None:
    compared = steward_of(site)
    snapshots.recompute(board=board_named("overall.category.pick-place"), now=timezone.now())
    waiting, answered = "/?board=overall.unrequested", "/?board=overall.category.pick-place"
    eve = make_steward()
    odd = f"/review/oddities/{Oddity.objects.get().pk}/sessions"
    found: list[object] = []
    for width in (NARROW, WIDE):
        context = browser.new_context(
            base_url=live_server.url, color_scheme=scheme, viewport={"width": width, "height": 740}
        )
        sign_in(context, eve, live_server)
        page = context.new_page()
        for path in ("/", waiting, answered, compared, "/method", "/review/oddities", odd):
            page.goto(path)
            page.evaluate(OPEN_ALL)
            found += [(path, width, *one) for one in violations(page)]
            across = page.evaluate("document.documentElement.scrollWidth")
            found += [(path, "is wider than the screen", across)] if across > width else []
        context.close()
    assert found == []


def test_another_question_is_chosen_without_scripts(browser: Browser, live_server: LiveServer, site: Site) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Sessions that are counted").select_option("overall.category.pick-place")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Pick and Place")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("This board is being computed")
    snapshots.recompute(board=board_named("overall.category.pick-place"), now=timezone.now())
    page.reload()
    expect(page.get_by_role("status")).to_have_count(0)
    expect(page.locator(".conclusion")).to_contain_text("can still be first")
    context.close()
