"""The pages in a real browser: what they show, under the real content security policy, with and without scripts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from evaluations.models import Session
from leaderboard import selectors, snapshots
from leaderboard.models import Snapshot
from leaderboard.selectors import BoardPage
from tests import factories
from tests.e2e.conftest import PASSWORD, Site

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

NARROW = 360
WEAK_CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
TIMES = "videos => videos.map(video => video.currentTime)"
BOTH_PLAY = "() => [...document.querySelectorAll('video')].every(video => video.currentTime > 0.5)"
IN_STEP_S = 0.15
IN_STEP_AGAIN = f"""() => {{
    const [first, second] = document.querySelectorAll('video');
    return !second.seeking && Math.abs(first.currentTime - second.currentTime) < {IN_STEP_S};
}}"""
UNTIL_THE_NEXT_POLL_MS = 6_000


def session_path(session: Session) -> str:
    return reverse("session", args=[session.pk])


def complaints_of(page: Page) -> list[str]:
    """What the browser complains of from now on: errors of scripts, refused styles and scripts, failed loads."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that must end without a complaint."""
    page = context.new_page()
    complaints = complaints_of(page)
    yield page
    assert complaints == []


@pytest.fixture
def scriptless(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    yield context.new_page()
    context.close()


def sign_in(page: Page, email: str) -> None:
    page.goto(reverse("sign-in"))
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url("**" + reverse("lab"))


def shown_board() -> BoardPage:
    snapshot = snapshots.latest("overall")
    assert snapshot is not None
    return selectors.board_page(snapshot)


def shortcomings(page: Page, path: str) -> list[object]:
    page.goto(path)
    width = page.evaluate("document.documentElement.scrollWidth")
    wide: list[object] = [(path, "is wider than the screen", width)] if width > NARROW else []
    return wide + [(path, *weak) for weak in page.evaluate(WEAK_CONTRAST)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_keeps_the_policy_fits_a_phone_and_can_be_read(
    browser: Browser, live_server: LiveServer, site: Site, newcomer: str, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(
        base_url=live_server.url, color_scheme=scheme, viewport={"width": NARROW, "height": 740}
    )
    page = context.new_page()
    complaints = complaints_of(page)
    found: list[object] = []
    public = ["/", "/?board=imported", "/sessions", "/sessions?show=all", "/sessions?board=imported", "/status"]
    for path in [*public, "/sign-in", session_path(site.watched), session_path(site.abandoned)]:
        found += shortcomings(page, path)
    sign_in(page, site.arena.dana.email)
    found += shortcomings(page, "/lab") + shortcomings(page, session_path(site.opened))
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, newcomer)
    found += shortcomings(page, "/lab")
    context.close()
    assert [*found, *complaints] == []


def test_the_board_says_how_sure_it_is(page: Page, site: Site) -> None:
    board = shown_board()
    page.goto("/")
    rows = page.get_by_role("table", name="Overall").locator("tbody").get_by_role("row")
    expect(rows).to_have_count(len(site.arena.versions))
    for number, row in enumerate(board.rows):
        shown = rows.nth(number)
        expect(shown).to_contain_text(row.name)
        expect(shown).to_contain_text(row.rank_text)
        expect(shown).to_contain_text("provisional")
        name = f"Score {row.score_text}, interval {row.interval_text}"
        expect(shown.get_by_role("img")).to_have_accessible_name(name)
        expect(shown.locator(".interval")).to_have_attribute("x1", f"{row.x_low}%")
    expect(page.get_by_text("Counted 9 of 10 sessions")).to_be_visible()
    expect(page.get_by_role("row", name="given up by the evaluator")).to_contain_text("1")
    expect(page.get_by_text(board.snapshot.input_id)).to_be_visible()


def test_a_policy_that_met_none_of_the_others_has_no_place_on_their_axis(page: Page, site: Site) -> None:
    snapshot = shown_board().snapshot
    snapshot.result["policies"][-1]["component"] = 1
    Snapshot.objects.create(
        **{field.attname: getattr(snapshot, field.attname) for field in Snapshot._meta.fields if field.attname != "id"}
    )
    page.goto("/")
    last = page.locator(".board tbody").get_by_role("row").last
    expect(last).to_contain_text("Not ranked: never compared with the policies above")
    expect(last.get_by_role("img")).to_have_count(0)


def test_the_input_of_the_board_can_be_downloaded(page: Page, site: Site) -> None:
    page.goto("/")
    with page.expect_download() as download:
        page.get_by_role("link", name="sessions behind these numbers").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + shown_board().snapshot.total


def test_the_board_follows_new_results_and_leaves_an_unchanged_one_alone(page: Page, site: Site) -> None:
    page.clock.install()
    page.goto("/")
    page.evaluate("document.querySelector('#board table').dataset.untouched = 'yes'")
    with page.expect_response("**/"):
        page.clock.run_for(UNTIL_THE_NEXT_POLL_MS)
    expect(page.locator("table[data-untouched]")).to_have_count(1)
    factories.finish_session(factories.open_session(site.arena))
    snapshots.recompute_all(now=timezone.now())
    page.clock.run_for(UNTIL_THE_NEXT_POLL_MS)
    expect(page.get_by_text("Counted 10 of 11 sessions")).to_be_visible()
    expect(page.locator("table[data-untouched]")).to_have_count(0)


def test_nothing_is_asked_while_nobody_looks(page: Page, site: Site) -> None:
    asked: list[str] = []
    page.clock.install()
    page.goto("/", wait_until="networkidle")
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.covered, configurable: true})")
    page.evaluate("window.covered = true")
    page.clock.run_for(3 * UNTIL_THE_NEXT_POLL_MS)
    assert asked == []
    page.evaluate("window.covered = false")
    with page.expect_request("**/"):
        page.clock.run_for(UNTIL_THE_NEXT_POLL_MS)


def test_times_are_those_of_the_reader(browser: Browser, live_server: LiveServer, site: Site) -> None:
    context = browser.new_context(base_url=live_server.url, timezone_id="Asia/Kolkata")
    page = context.new_page()
    page.goto("/")
    time = page.locator(".board-facts time")
    expect(time).to_have_attribute("title", f"{shown_board().snapshot.created_at:%-d %b %Y, %H:%M} UTC")
    half_an_hour_off = (shown_board().snapshot.created_at.minute + 30) % 60
    assert time.inner_text().endswith(f":{half_an_hour_off:02d}")
    expect(page.get_by_text("your time zone, Asia/Calcutta")).to_be_visible()
    context.close()


def test_both_sides_play_in_step_and_seek_together(page: Page, site: Site) -> None:
    statuses: list[int] = []
    page.on("response", lambda answer: statuses.append(answer.status) if ".mp4" in answer.url else None)
    page.goto(session_path(site.watched))
    videos = page.locator("video")
    expect(videos).to_have_count(2)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(BOTH_PLAY)
    first, second = videos.evaluate_all(TIMES)
    assert abs(first - second) < IN_STEP_S
    videos.last.evaluate("video => { video.currentTime = 0 }")
    page.wait_for_function(IN_STEP_AGAIN, timeout=5_000)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("slider", name="Position in both videos").fill("1.5")
    assert videos.evaluate_all(TIMES) == [1.5, 1.5]
    assert statuses
    assert set(statuses) == {206}


def test_the_shorter_video_rests_on_its_last_frame(page: Page, site: Site) -> None:
    page.goto(session_path(site.watched))
    slider = page.get_by_role("slider", name="Position in both videos")
    expect(slider).to_have_attribute("max", "4")
    slider.fill("3.5")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => document.querySelector('video').currentTime >= 3.9")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert page.locator("video").evaluate_all(TIMES) == [4, 2]
    expect(page.locator("[data-clock]")).to_have_text("0:04.0 of 0:04.0")


def test_the_player_obeys_the_keyboard_only_with_the_focus(page: Page, site: Site) -> None:
    page.goto(session_path(site.watched))
    expect(page.locator("[data-clock]")).to_have_text("0:00.0 of 0:04.0")
    page.keyboard.press("ArrowRight")
    page.get_by_label("Videos of both sides").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-clock]")).to_have_text("0:01.0 of 0:04.0")
    page.keyboard.press(".")
    expect(page.get_by_role("slider")).to_have_value("1.04")
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_a_session_that_was_given_up_says_so(page: Page, site: Site) -> None:
    page.goto(session_path(site.abandoned))
    expect(page.get_by_text("This session counts on no board: given up by the evaluator.")).to_be_visible()
    expect(page.get_by_text("No video was uploaded for side A.")).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_hidden()


def test_an_open_session_names_no_policy_and_gives_way_to_its_result(page: Page, site: Site) -> None:
    sign_in(page, site.arena.dana.email)
    page.clock.install()
    page.goto("/lab")
    page.get_by_role("link", name=site.opened.instruction).click()
    expect(page.get_by_text("Waiting for the first rollout")).to_be_visible()
    for version in site.arena.versions:
        assert version.policy.name not in page.content()
        assert version.policy.slug not in page.content()
    factories.finish_session(site.opened)
    page.clock.run_for(2 * UNTIL_THE_NEXT_POLL_MS)
    preferred = site.opened.sides.get(label="A").version.policy.name
    expect(page.get_by_role("heading", name=f"A preferred: {preferred}")).to_be_visible()


def test_a_wrong_password_is_answered_in_words(page: Page, site: Site) -> None:
    page.goto("/sign-in?next=/status")
    page.get_by_label("E-mail").fill(site.arena.dana.email)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("This e-mail and password do not belong together.")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/status")


def test_the_first_tab_stop_skips_to_the_content(page: Page, site: Site) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_an_unknown_address_is_answered_in_words(context: BrowserContext, transactional_db: None) -> None:
    page = context.new_page()
    answer = page.goto("/nowhere")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="There is no such page.")).to_be_visible()


def test_without_scripts_the_board_and_the_sessions_say_the_same(scriptless: Page, site: Site) -> None:
    scriptless.goto("/")
    board = shown_board()
    expect(scriptless.locator("tbody .forest")).to_have_count(len(board.rows))
    expect(scriptless.locator(".board-facts time")).to_have_text(f"{board.snapshot.created_at:%-d %b %Y, %H:%M} UTC")
    scriptless.get_by_role("link", name="Sessions", exact=True).click()
    expect(scriptless.get_by_text("9 valid sessions")).to_be_visible()
    scriptless.get_by_role("link", name="Show also those that were not valid").click()
    expect(scriptless.get_by_role("article").filter(has_text="abandoned")).to_have_count(1)
    scriptless.get_by_role("link", name=site.watched.instruction).click()
    expect(scriptless.locator("video[controls]")).to_have_count(2)
    expect(scriptless.locator("[data-controls]")).to_be_hidden()


def test_without_scripts_one_can_sign_in_and_out(scriptless: Page, site: Site) -> None:
    sign_in(scriptless, site.arena.dana.email)
    scriptless.get_by_role("link", name=site.opened.instruction).click()
    expect(scriptless.get_by_text("Waiting for the first rollout")).to_be_visible()
    scriptless.get_by_role("button", name="Sign out").click()
    expect(scriptless.get_by_role("link", name="Sign in")).to_be_visible()
