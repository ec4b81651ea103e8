"""Tags in a real browser: a correction in place, moments that play, no scripts, WCAG by axe-core in both schemes."""

from dataclasses import dataclass

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from evaluations import media
from evaluations.models import Session, Tag
from evaluations.tags import records
from evaluations.tags.records import ProgressSaid, Said, Tagger
from tests.e2e.test_labs import assert_accessible, scriptless, sign_in
from tests.factories import Arena, finish_session, make_arena, open_session

__all__ = ["scriptless"]

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

SEER = Tagger(provider="seer", model="seer-7b", prompt_version="tags-1", pictures=12, tokens_in=9000, tokens_out=380)
RULES = Tagger(provider="builtin", model="", prompt_version="rules-1")
SAID = [
    Said("category", "sorting", why="The blocks are to be put by colour."),
    Said("kind", "dexterity"),
    Said("clear-view", "yes", why="The wrist camera sees the blocks all the time."),
    Said("simple-scene", "no", why="There are five other things on the table."),
    Said("failure.dropped", "yes", label="A", why="The red block slips out of the gripper.", moment_s=2.5),
    Said("failure.froze", "no", label="A"),
    Said("recovered", "yes", label="A", why="It takes it up again."),
    Said("failure.froze", "no", label="B"),
]


@dataclass(frozen=True)
class Site:
    arena: Arena
    session: Session

    @property
    def path(self) -> str:
        return f"/sessions/{self.session.pk}"


@pytest.fixture
def site(long_video: bytes) -> Site:
    arena, now = make_arena(), timezone.now()
    session = finish_session(open_session(arena, "sort the blocks by colour"), video=long_video)
    for side in session.sides.all():
        media.check_side(side_id=side.pk, now=now)
    rules = [Said("category", "manipulation", why="“put”"), Said("difficulty", "hard", why="several steps")]
    records.record(session=session, tagger=RULES, said=rules, now=now)
    progress = [ProgressSaid("B", 0.6, why="Three of the five blocks lie where they belong.")]
    records.record(session=session, tagger=SEER, said=SAID, progress=progress, now=now)
    return Site(arena, session)


@pytest.fixture
def page(context: BrowserContext, live_server: LiveServer, site: Site) -> Page:
    """Dana, before the session."""
    sign_in(context, site.arena.dana, live_server)
    page = context.new_page()
    page.goto(site.path)
    return page


def test_a_correction_in_place_stays_beside_the_models_word(page: Page, site: Site) -> None:
    row = page.locator("#tag-session-category")
    expect(row).to_contain_text("Sorting / Classification")
    page.locator("body").evaluate("body => { body.dataset.untouched = 'yes' }")
    row.get_by_text("Correct: task category").click()
    row.get_by_label("What kind of task is it?").select_option("Group / Organize / Stack")
    row.get_by_label("Why").fill("They are stacked, too.")
    row.get_by_role("button", name="Keep").click()
    expect(row.get_by_role("status")).to_be_focused()
    expect(row).to_contain_text(f"Group / Organize / Stack says {site.arena.dana.pseudonym}")
    row.get_by_text("2 other answers").click()
    expect(row.get_by_text("The blocks are to be put by colour.")).to_be_visible()
    expect(row.get_by_text("seer-7b by seer, prompt tags-1")).to_be_visible()
    expect(page.locator("#session-category")).to_have_text("Group / Organize / Stack")
    expect(page.locator("body[data-untouched]")).to_have_count(1)
    page.reload()
    expect(row).to_contain_text("They are stacked, too.")
    site.session.refresh_from_db()
    assert site.session.category == "group-stack"


def test_one_click_or_one_key_confirms(page: Page, site: Site) -> None:
    button = page.get_by_role("button", name="Confirm of side A: dropped")
    button.focus()
    page.keyboard.press("Enter")
    row = page.locator("#tag-A-failure-dropped")
    expect(row.get_by_role("status")).to_contain_text("Kept.")
    expect(row).to_contain_text(site.arena.dana.pseudonym)
    expect(button).to_have_count(0)


def test_what_cannot_be_kept_is_told_in_place(page: Page, site: Site, live_server: LiveServer) -> None:
    page.get_by_text("Say what else went wrong on side B").click()
    row = page.locator("#tag-B-failure-collision")
    row.get_by_text("Answer of side B").click()
    row.get_by_label("Did it collide with something?").select_option("yes")
    row.get_by_label("Moment in the video").fill("100000")
    row.get_by_role("button", name="Keep").click()
    expect(row.get_by_role("alert")).to_contain_text("less than or equal to 86400")
    expect(row.get_by_label("Did it collide with something?")).to_be_focused()
    row.get_by_label("Moment in the video").fill("3")
    page.route("**/tags", lambda route: route.abort())
    row.get_by_role("button", name="Keep").click()
    expect(row.get_by_role("alert")).to_contain_text("the server cannot be reached")
    page.unroute("**/tags")
    page.context.clear_cookies(name="sessionid")
    row.get_by_role("button", name="Keep").click()
    expect(row.get_by_role("alert")).to_contain_text("you are signed out")
    sign_in(page.context, site.arena.dana, live_server)
    row.get_by_role("button", name="Keep").click()
    expect(row.get_by_role("status")).to_contain_text("Kept.")
    assert Tag.objects.get(person=site.arena.dana).moment_s == 3


def test_a_moment_shows_in_both_videos(page: Page) -> None:
    expect(page.get_by_role("slider", name="Position in both videos")).to_have_attribute("max", "4")
    page.get_by_role("link", name="play side A from there").click()
    assert page.locator("video").evaluate_all("videos => videos.map(video => video.currentTime)") == [2.5, 2.5]
    expect(page.get_by_label("Videos of both sides")).to_be_focused()


def test_all_of_it_without_scripts(scriptless: BrowserContext, live_server: LiveServer, site: Site) -> None:
    page = scriptless.new_page()
    page.goto(site.path)
    expect(page.get_by_role("button", name="Confirm")).to_have_count(0)
    moment = page.get_by_role("link", name="play side A from there")
    expect(moment).to_have_attribute("href", f"{site.path}/A/left.mp4#t=2.5")
    sign_in(scriptless, site.arena.dana, live_server)
    page.reload()
    row = page.locator("#tag-session-kind")
    row.get_by_text("Correct: kind").click()
    row.get_by_label("What does the task try most?").select_option("everyday application")
    row.get_by_role("button", name="Keep").click()
    expect(page.locator("#tags").get_by_role("status")).to_contain_text("Kept.")
    expect(row).to_contain_text(f"Everyday application says {site.arena.dana.pseudonym}")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_every_page_is_accessible_and_fits(
    browser: Browser, live_server: LiveServer, site: Site, scheme: str, width: int
) -> None:
    records.correct(
        session=site.session, question="category", answer="tool-use", by=site.arena.dana, now=timezone.now()
    )
    paths = [(site.path, None), (site.path, site.arena.dana), ("/tags", None), ("/tags?board=imported", None)]
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
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert_accessible(page, path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        context.close()
