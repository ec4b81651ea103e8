"""A report in a real browser: a citation plays its session in place. WCAG by axe-core, no sideways scrolling."""

from typing import Literal

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, expect
from pytest_django.live_server_helper import LiveServer

from arena.models import PolicyVersion
from evaluations import media, sessions
from evaluations.models import FailureMode, Session
from evaluations.tags import records
from evaluations.tags.questions import YES, failure_question
from evaluations.tags.records import Said, Tagger
from reports import work
from reports.models import PolicyReport, Work
from tests.e2e.test_labs import assert_accessible, scriptless, sign_in
from tests.factories import make_arena, make_steward
from tests.reports.written import play, write

__all__ = ["scriptless"]

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

MOMENT_S = 1.5
TAGGER = Tagger(provider="seer", model="seer-7b", prompt_version="tags-1")
DROPPED = failure_question(FailureMode.DROPPED)
TASKS = ("put the cup on the plate", "fold the towel", "open the drawer")


def watch(session: Session, version: PolicyVersion) -> None:
    """Its videos are checked, and the policy is seen to drop something in it."""
    for side in session.sides.all():
        media.check_side(side_id=side.pk, now=timezone.now())
    label = session.sides.get(version=version).label
    said = [Said(DROPPED.key, YES, label=label, why="It lies beside it.", moment_s=MOMENT_S)]
    records.record(session=session, tagger=TAGGER, said=said, now=timezone.now())


@pytest.fixture
def version(transactional_db: None, long_video: bytes) -> PolicyVersion:
    """One on which there are two reports: it won all its sessions, and dropped something in two of them."""
    arena = make_arena(policies_in_pool=2)
    made = arena.versions[0]
    for number in range(12):
        video = long_video if number < 2 else None
        notes = "Policy A was slow but completed the task. Policy B finished the task quickly and smoothly."
        session = play(arena, f"{TASKS[number % 3]} {number}", notes=notes, video=video)
        if video:
            watch(session, made)
        if number == 7:
            write(made)
    write(made)
    return made


def address(version: PolicyVersion) -> str:
    return f"/versions/{version.label}/report"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390), ("light", 390), ("dark", 1440)])
def test_a_report_is_read_and_a_citation_plays_in_place(
    browser: Browser,
    live_server: LiveServer,
    version: PolicyVersion,
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    context = browser.new_context(
        base_url=live_server.url, color_scheme=scheme, viewport={"width": width, "height": 900}
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(address(version))
    expect(page.get_by_role("heading", name="What changed since report 1")).to_be_visible()
    assert_accessible(page, "a report")
    link = page.locator("[data-citation]", has_text=f"at {MOMENT_S} s").first
    expect(link).to_have_attribute("aria-expanded", "false")
    link.focus()
    page.keyboard.press("Enter")
    panel = page.locator(".cited-session")
    expect(panel).to_be_visible()
    expect(link).to_have_attribute("aria-expanded", "true")
    expect(panel.locator("[data-player]")).to_be_focused()
    expect(panel.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_function(f"[...document.querySelectorAll('.cited video')].every(one => one.currentTime > {MOMENT_S})")
    page.keyboard.press("k")
    expect(panel.get_by_role("button", name="Play")).to_be_visible()
    assert_accessible(page, "a report")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(link).to_be_focused()
    expect(link).to_have_attribute("aria-expanded", "false")
    assert page.url == f"{live_server.url}{address(version)}"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
    assert complaints == []


def test_an_open_citation_is_closed_by_its_link_and_by_its_button(
    context: BrowserContext, version: PolicyVersion
) -> None:
    page = context.new_page()
    page.goto(address(version))
    link, panel = page.locator("[data-citation]").first, page.locator(".cited-session")
    for closer in (link, panel.get_by_role("button", name="Close")):
        link.click()
        expect(panel).to_be_visible()
        closer.click()
        expect(panel).to_have_count(0)


def test_with_a_modifier_key_a_citation_is_a_link(context: BrowserContext, version: PolicyVersion) -> None:
    page = context.new_page()
    page.goto(address(version))
    with context.expect_page() as opened:
        page.locator("[data-citation]").first.click(modifiers=["ControlOrMeta"])
    expect(opened.value.locator("#session")).to_be_visible()
    expect(page.locator(".cited-session")).to_have_count(0)


def test_without_scripts_a_citation_leads_to_the_session(scriptless: BrowserContext, version: PolicyVersion) -> None:
    page = scriptless.new_page()
    page.goto(address(version))
    page.locator("[data-citation]").first.click()
    expect(page.locator("#session")).to_be_visible()


def test_evidence_is_found_from_its_claim(context: BrowserContext, version: PolicyVersion) -> None:
    page = context.new_page()
    page.goto(address(version))
    page.locator(".evidence-link").first.click()
    expect(page.locator("tr:target")).to_be_in_viewport()


def test_an_excluded_session_is_marked_where_it_is_cited(context: BrowserContext, version: PolicyVersion) -> None:
    report = PolicyReport.objects.get(version=version, number=2)
    cited = Session.objects.get(pk=report.claims[0]["citations"][0]["session"])
    sessions.exclude(session=cited, reason="scene", comment="the cup was moved", by=make_steward())
    page = context.new_page()
    page.goto(address(version))
    expect(page.locator(".citations li", has_text="excluded since").first).to_be_visible()
    page.locator(f'[data-citation][href="/sessions/{cited.pk}"]').first.click()
    expect(page.locator(".cited-session").get_by_text("A steward excluded this session")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_a_steward_has_failed_work_tried_again(
    browser: Browser, live_server: LiveServer, version: PolicyVersion, scheme: Literal["light", "dark"], width: int
) -> None:
    now = timezone.now()
    for subject in (version.label, f"{version.label} gone@1"):
        piece = work.take(work_id=work.ask(kind=Work.Kind.WRITE_REPORT, subject=subject, now=now).pk, now=now)
        assert piece is not None
        work.fail(piece, now=now, reason="It answers with nothing that fits, after a repair, too.")
    eve = make_steward()
    context = browser.new_context(
        base_url=live_server.url, color_scheme=scheme, viewport={"width": width, "height": 900}
    )
    page = context.new_page()
    sign_in(context, eve, live_server)
    page.goto("/review/work")
    assert_accessible(page, "a report")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    entry = page.locator(".work-entry").filter(has_not_text="gone@1")
    entry.get_by_label("By").select_option("builtin")
    entry.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("It is tried again, from its first attempt.")).to_be_visible()
    expect(page.locator(".work-entry")).to_have_count(1)
    context.close()
    assert Work.objects.get(subject=version.label, state=Work.State.WAITING).provider == "builtin"
