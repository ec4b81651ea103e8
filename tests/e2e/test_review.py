"""Reports, appeals and the stewards' queue in a real browser: WCAG by axe-core, no sideways scrolling, no scripts."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, expect
from pytest_django.live_server_helper import LiveServer

from arena.models import Person
from evaluations import appeals, session_reports, sessions
from evaluations.models import Appeal, Report, Session
from leaderboard import freezes, snapshots
from leaderboard.boards import OVERALL
from leaderboard.models import Oddity
from tests.e2e.test_labs import assert_accessible, scriptless, sign_in
from tests.factories import Arena, finish_session, make_arena, make_steward, open_session

__all__ = ["scriptless"]

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

TEXT = "The cup stands elsewhere in the second video, from the tenth second on."


@dataclass(frozen=True)
class Site:
    arena: Arena
    eve: Person
    edna: Person
    counted: Session
    excluded: Session
    report: Report
    appeal: Appeal


@pytest.fixture
def site() -> Site:
    arena, now = make_arena(), timezone.now()
    eve, edna = make_steward(), make_steward("edna@example.org")
    counted = finish_session(open_session(arena, "put the cup on the plate"))
    excluded = finish_session(open_session(arena, "fold the towel"))
    snapshots.recompute_all(now=now)
    report = session_reports.report(session=counted, kind="scene", text=TEXT, by=None, address="", now=now)
    past = session_reports.report(session=counted, kind="stake", text=TEXT, by=arena.dana, address="", now=now)
    session_reports.decide(report_id=past.pk, upheld=False, comment="Nobody has one.", by=edna, now=now)
    sessions.exclude(session=excluded, reason="scene", comment="the towel was folded before", by=edna)
    appeal = appeals.appeal(session=excluded, text="It was flat, see the left camera.", by=arena.dana, now=now)
    freezes.freeze(board=OVERALL[0], reason="A lab's results are looked into.", by=edna, now=now)
    Oddity.objects.create(
        board="overall",
        kind="lab",
        name=arena.lab.slug,
        check_name="quick",
        figures={"n": 40, "figure": 0.9, "p": 1e-9},
        first_seen=now + timedelta(minutes=1),
        last_seen=now + timedelta(minutes=1),
    )
    return Site(arena, eve, edna, counted, excluded, report, appeal)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_every_page_is_accessible_and_fits(
    browser: Browser, live_server: LiveServer, site: Site, scheme: str, width: int
) -> None:
    paths: list[tuple[str, Person | None]] = [
        ("/?board=overall", None),
        (f"/sessions/{site.counted.pk}", None),
        (f"/sessions/{site.counted.pk}/report", None),
        (f"/sessions/{site.counted.pk}/report?sent", None),
        (f"/sessions/{site.excluded.pk}", site.arena.dana),
        (f"/sessions/{site.excluded.pk}/appeal", site.arena.dana),
        *((f"/review{path}", site.eve) for path in ("", "/reports", "/appeals", "/boards", "/oddities")),
        (f"/review/reports/{site.report.pk}", site.eve),
        (f"/review/appeals/{site.appeal.pk}", site.eve),
        (f"/review/appeals/{site.appeal.pk}", site.edna),
    ]
    for path, person in paths:
        context = browser.new_context(
            base_url=live_server.url,
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": width, "height": 900},
        )
        if person:
            sign_in(context, person, live_server)
        page = context.new_page()
        page.goto(path)
        for summary in page.locator("details.report-here > summary").all():
            summary.click()
        assert_accessible(page, path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        context.close()


def test_from_a_report_to_a_lifted_exclusion_without_scripts(
    scriptless: BrowserContext, live_server: LiveServer, site: Site
) -> None:
    page = scriptless.new_page()
    page.goto(f"/sessions/{site.counted.pk}")
    page.get_by_text("Report this session").click()
    page.get_by_label("What is wrong").select_option("the scene was not the same for both")
    page.get_by_label("What you saw").fill(TEXT)
    page.get_by_role("button", name="Send the report").click()
    expect(page.get_by_role("status")).to_contain_text("Your report is kept")

    sign_in(scriptless, site.eve, live_server)
    page.goto("/review")
    rows = page.locator("main li")
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("Report")
    page.get_by_role("link", name="the scene was not the same").first.click()
    page.get_by_label("Why").fill("The cup was moved.")
    page.get_by_label("Exclude the session because of").fill("scene")
    page.get_by_role("button", name="Uphold").click()
    expect(page.get_by_role("status")).to_contain_text("upheld")

    page.get_by_role("link", name="Appeals (1)").click()
    page.get_by_role("link", name="fold the towel").click()
    page.get_by_label("Why").fill("It was flat indeed.")
    page.get_by_role("button", name="Lift the exclusion").click()
    expect(page.get_by_role("status")).to_contain_text("counts again")
    page.goto(f"/sessions/{site.excluded.pk}")
    expect(page.get_by_text("was excluded, and the exclusion was lifted")).to_be_visible()
    page.goto(f"/sessions/{site.counted.pk}")
    expect(page.get_by_text("A steward excluded this session")).to_contain_text("The cup was moved.")

    page.goto("/review/boards")
    page.get_by_label("Why").first.fill("The results were sound.")
    page.get_by_role("button", name="Publish again").click()
    expect(page.get_by_text("No board is frozen.")).to_be_visible()
