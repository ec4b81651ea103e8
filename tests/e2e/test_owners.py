"""The owner's pages in a real browser: the desk, requests, the statement, and a steward's grant."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from arena import policies
from arena.models import HealthChange, Person, PolicyVersion, Role
from arena.policies import EndpointCheck
from credits import grants, ledger
from credits.models import Entry
from evaluations.desk import checks
from evaluations.models import ProtocolCheck
from evaluations.requests import orders
from evaluations.requests.orders import Conditions
from leaderboard import snapshots
from tests.e2e.test_labs import assert_accessible, scriptless, sign_in
from tests.evaluations.desk.servers import Server
from tests.factories import Arena, finish_session, make_arena, make_person, make_steward, make_version, open_session

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PICTURES = os.environ.get("ARENA_PICTURES", "")
__all__ = ["scriptless"]


@pytest.fixture
def arena() -> Arena:
    """Owners with two versions, one of which failed its check, a request half done, and a statement of many kinds."""
    arena, now = make_arena(), timezone.now()
    alice = make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)
    Person.objects.filter(pk=alice.pk).update(name="Alice")
    grants.give_due(now=now)
    old = arena.versions[0]
    for days, health in ((25, "up"), (9, "down"), (8, "up")):
        HealthChange.objects.create(endpoint=old.endpoint, health=health, at=now - timedelta(days=days))
    new = make_version(old.policy.name, lab=arena.owners, version="2")
    with override_settings(ALLOW_PRIVATE_ENDPOINTS=True):
        for version, server in ((old, Server()), (new, Server(width=7))):
            with server.running() as url:
                policies.move_endpoint(version=version, endpoint_url=url)
                make(checks.ask(version=version, by=alice, now=now))
    conditions = Conditions(opponents=[arena.versions[1]], categories=["pick-place", "open-close"], most_from_one_lab=9)
    orders.place(version=old, wanted=12, by=alice, now=now, conditions=conditions)
    with override_settings(REQUESTED_SHARE=1.0):
        for number in range(6):
            finish_session(open_session(arena, f"put cup {number} on the plate"))
    orders.cancel(request=orders.place(version=old, wanted=3, by=alice, now=now), by=alice, now=now)
    ledger.grant(
        lab=arena.owners, amount=10, comment="for the demonstration at the workshop", key="manual:1", by=make_steward()
    )
    return arena


def make(check: ProtocolCheck) -> None:
    """In a thread of its own: Playwright's event loop has this one."""

    def run() -> None:
        checks.run(check_id=str(check.pk), now=timezone.now())
        connection.close()

    with ThreadPoolExecutor(1) as other:
        other.submit(run).result()


def alice() -> Person:
    return Person.objects.get(email="alice@example.org")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_every_page_is_accessible_and_fits(
    browser: Browser, live_server: LiveServer, arena: Arena, scheme: str, width: int
) -> None:
    slug, lab = arena.versions[0].policy.slug, arena.owners.slug
    request = arena.versions[0].requests.earliest("created_at")
    pages = {
        "manage": f"/policies/{slug}/manage",
        "policy-new": "/policies/new",
        "version-new": f"/policies/{slug}/versions/new",
        "address": f"/versions/{arena.versions[0].label}/address",
        "requests": "/requests",
        "request-new": f"/requests/new/{arena.versions[0].label}",
        "request": f"/requests/{request.pk}",
        "credits": f"/lab/{lab}/credits",
        "lab": "/lab",
    }
    for name, path in pages.items():
        context = browser.new_context(
            base_url=live_server.url,
            color_scheme="light" if scheme == "light" else "dark",
            viewport={"width": width, "height": 900},
        )
        sign_in(context, alice(), live_server)
        page = context.new_page()
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        assert_accessible(page, f"{path}, {scheme}, {width}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{path} at {width}"
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / f"{name}-{scheme}-{width}.png", full_page=True)
        context.close()


@override_settings(TRIAL_SESSIONS=0)
def test_from_a_new_policy_to_a_cancelled_request_without_scripts(
    scriptless: BrowserContext, live_server: LiveServer, arena: Arena
) -> None:
    sign_in(scriptless, alice(), live_server)
    page = scriptless.new_page()
    page.goto("/lab")
    page.get_by_role("link", name="Register a policy").click()
    page.get_by_label("Name", exact=True).fill("Deft hands")
    page.get_by_label("Address of its server").fill("ws://127.0.0.1:9")
    page.get_by_role("button", name="Register it, and check its server").click()
    expect(page.get_by_text("Its server is being checked", exact=False)).to_be_visible()
    version = PolicyVersion.objects.get(policy__slug="deft-hands")
    page.get_by_role("link", name="Order evaluations").click()
    page.get_by_role("link", name=version.label).click()
    page.get_by_label("Evaluations", exact=True).fill("4")
    page.get_by_label(arena.versions[1].label).check()
    page.get_by_role("button", name="Show what to expect").click()
    expect(page.get_by_role("status")).to_contain_text("It holds 4 credits")
    page.get_by_role("button", name="Order for 4 credits").click()
    expect(page.get_by_role("heading", name=re.compile("4 evaluations of deft-hands@1"))).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Cancel, and get the rest back").click()
    expect(page.get_by_text("0 credits spent, 4 returned.")).to_be_visible()
    page.get_by_role("link", name=re.compile("Credits of")).click()
    expect(page.get_by_role("row", name=re.compile("Returned from a request")).first).to_be_visible()


def test_the_desk_follows_a_check_by_itself(context: BrowserContext, live_server: LiveServer, arena: Arena) -> None:
    version = arena.versions[0]
    sign_in(context, alice(), live_server)
    page = context.new_page()
    page.goto(f"/policies/{version.policy.slug}/manage")
    page.get_by_role("button", name="Check its server").last.click()
    expect(page.get_by_text("Its server is being checked", exact=False)).to_be_visible()
    make(version.protocol_checks.get(finished_at=None))
    expect(page.get_by_text("Its server is being checked", exact=False)).to_have_count(0, timeout=10_000)
    expect(page.get_by_text("Protocol check not passed")).to_have_count(2)


def test_a_steward_grants_credits(context: BrowserContext, live_server: LiveServer, arena: Arena) -> None:
    sign_in(context, Person.objects.get(email="eve@example.org"), live_server)
    page = context.new_page()
    page.goto(f"/lab/{arena.lab.slug}/credits")
    page.get_by_label("Amount").fill("7")
    page.get_by_label("Why").fill("agreed at the workshop")
    page.get_by_role("button", name="Grant them").click()
    expect(page.get_by_role("row", name=re.compile("agreed at the workshop"))).to_contain_text("+7")
    assert Entry.objects.get(comment="agreed at the workshop").amount == 7


def test_a_version_is_evaluated_unlisted_and_then_listed(
    context: BrowserContext, live_server: LiveServer, arena: Arena
) -> None:
    sign_in(context, alice(), live_server)
    page, pseudonym = context.new_page(), f"unlisted.{arena.owners.slug}@1"
    page.goto("/policies/new")
    page.get_by_label("Name", exact=True).fill("Quiet heron")
    page.get_by_label("Address of its server").fill("ws://127.0.0.1:9")
    page.get_by_label("Unlisted").check()
    picture(page, "unlisted-new")
    page.get_by_role("button", name="Register it, and check its server").click()
    expect(page.get_by_text(pseudonym)).to_be_visible()
    secret = PolicyVersion.objects.get(policy__slug="quiet-heron")
    _evaluate(arena, secret)
    visitor = context.browser.new_context(base_url=live_server.url).new_page()  # type: ignore[union-attr]
    visitor.goto("/")
    row = visitor.get_by_role("row", name=re.compile("Unlisted of"))
    expect(row.get_by_text("unlisted", exact=True)).to_be_visible()
    assert_accessible(visitor, "the board with an unlisted version")
    picture(visitor, "unlisted-board")
    visitor.get_by_role("link", name="What becomes of such versions, lab by lab").click()
    expect(visitor.get_by_role("row", name=re.compile(f"^{arena.owners.name}"))).to_have_text(re.compile("1100$"))
    picture(visitor, "unlisted-integrity")
    page.reload()
    page.get_by_text("List it").click()
    picture(page, "unlisted-manage")
    page.get_by_role("button", name="List quiet-heron@1 for good").click()
    expect(page.get_by_text("everybody is told its name", exact=False).first).to_be_visible()
    visitor.goto("/")
    expect(visitor.get_by_role("row", name=re.compile("Quiet heron"))).to_be_visible()
    visitor.context.close()


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def _evaluate(arena: Arena, version: PolicyVersion) -> None:
    """In all that follow, and on the board."""
    policies.record_endpoint_check(endpoint=version.endpoint, check=EndpointCheck(reached=True))
    PolicyVersion.objects.filter(pk=version.pk).update(pool=PolicyVersion.Pool.ACTIVE)
    PolicyVersion.objects.exclude(pk__in=[version.pk, arena.versions[1].pk]).update(pool=PolicyVersion.Pool.PAUSED)
    for number in range(4):
        finish_session(open_session(arena, f"put bowl {number} on the shelf"))
    snapshots.recompute_all(now=timezone.now())
