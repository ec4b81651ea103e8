"""A session in the browser, from the task to the reveal: with a mouse, with keys, by touch, and interrupted."""

import io
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Literal

import pytest
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from evaluations import drafts, media, sessions, submissions
from evaluations.evaluate.pages import WARNING_MINUTES
from evaluations.models import Episode, Guess, Label, MediaFile, Photo, RelayConnection, Session
from tests.e2e import evaluating
from tests.e2e.conftest import Site
from tests.e2e.evaluating import STEPS, TABLET, address, expect_saved, expect_step, go_on, open_page, score, violations
from tests.evaluations.evaluate.test_photo import keep_photo
from tests.factories import upload_episode
from tests.services_plugin import chromium

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

TASK = "put the red block into the bowl"
OFFLINE = "Not saved yet: no connection"


@pytest.fixture
def dana(context: BrowserContext, site: Site) -> Iterator[Page]:
    """Her page, signed in. It must end without an error of a script or of the content security policy."""
    context.set_default_timeout(8_000)
    page = context.new_page()
    found = complaints(page)
    evaluating.sign_in(page, site.arena.dana.email)
    yield page
    assert found == []


def complaints(page: Page) -> list[str]:
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda message: found.append(message.text) if "Security Policy" in message.text else None)
    return found


def picture(colour: str = "teal") -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (160, 120), colour).save(target, "JPEG")
    return target.getvalue()


def entered(session: Session) -> dict[str, object]:
    return drafts.read(session).values


def enter(session: Session, **changes: object) -> None:
    """What another tab or device sends."""
    drafts.save(session=session, revision=drafts.read(session).revision, changes=changes, now=timezone.now())


def newest() -> Session:
    return Session.objects.latest("opened_at")


def check_files(session: Session) -> None:
    """As the worker does it."""
    for side in session.sides.all():
        media.check_side(side_id=side.pk, now=timezone.now())


# The whole way


def test_with_the_mouse_from_the_task_to_the_reveal(dana: Page, site: Site, long_video: bytes) -> None:
    dana.get_by_role("link", name="Evaluate", exact=True).click()
    dana.get_by_label("What is the robot to do?").fill(TASK)
    expect(dana.locator(".stage-text").first).to_have_value("The hand is at the right object")
    dana.get_by_label("Photo of the scene").set_input_files(
        {"name": "scene.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    )
    dana.get_by_role("button", name="Draw the pair").click()
    expect_step(dana, "run-a")
    session = newest()
    assert session.instruction == TASK
    go_on(dana)
    score(dana, "a", percent=40, success=False)
    dana.locator("[name=a_failure_modes][value=dropped]").check()
    dana.locator("#files-A").set_input_files({"name": "left.mp4", "mimeType": "video/mp4", "buffer": long_video})
    expect(dana.locator("#uploads-A [data-media]")).to_contain_text("being checked")
    check_files(session)
    expect(dana.locator("#uploads-A img")).to_be_visible()
    go_on(dana)
    put_back(dana)
    go_on(dana)
    expect_step(dana, "run-b")
    go_on(dana)
    score(dana, "b", percent=100, success=True)
    go_on(dana)
    dana.locator(".prefer-b").click()
    dana.get_by_label("Notes").fill("A dropped it. B did not.")
    go_on(dana)
    expect(dana.locator("[data-shows=a_failure_modes]")).to_have_text("dropped it")
    expect(dana.locator("[data-shows=a_videos]")).to_have_text("1")
    expect(dana.locator("[data-warnings]")).to_contain_text("There is no video of B")
    expect(dana.locator("[data-warnings]")).not_to_contain_text("no video of A")
    expect_saved(dana)
    dana.get_by_role("button", name="Submit the result").click()
    dana.get_by_label("A was").select_option(label=session.sides.get(label="A").version.policy.name)
    dana.get_by_role("button", name="Answer and reveal").click()
    expect(dana.get_by_role("heading", name="The policies were")).to_be_visible()
    expect(dana.get_by_text("Your guess was right.")).to_be_visible()
    session.refresh_from_db()
    assert session.valid
    assert session.sides.get(label="A").episode.failure_modes == ["dropped"]
    assert session.results.get().notes == "A dropped it. B did not."
    assert Guess.objects.get().policy_b is None
    dana.get_by_role("link", name="Same task, new pair").click()
    expect(dana.get_by_label("What is the robot to do?")).to_have_value(TASK)


def put_back(page: Page) -> None:
    """The first frame of A, laid over a photo of now."""
    expect(page.get_by_alt_text("How the scene began: left camera, first frame of A")).to_be_visible()
    page.get_by_label("Picture").select_option(label="photo from before A")
    expect(page.get_by_alt_text("How the scene began: photo from before A")).to_be_visible()
    page.locator("[data-overlay-file]").set_input_files(
        {"name": "now.jpg", "mimeType": "image/jpeg", "buffer": picture("maroon")}
    )
    over = page.locator("[data-start-image]:visible")
    expect(over).to_have_css("opacity", "0.5")
    page.get_by_label("How much of the start shows").fill("80")
    expect(over).to_have_css("opacity", "0.8")
    page.get_by_role("button", name=re.compile("Flip")).click()
    expect(over).to_have_css("opacity", "1")
    page.get_by_role("button", name="Keep this photo").click()
    expect(page.get_by_role("button", name="Kept with the session")).to_be_visible()
    assert newest().photos.filter(moment=Photo.Moment.RESTORED).count() == 1


def test_with_keys_alone(dana: Page, site: Site) -> None:
    dana.goto("/evaluate")
    dana.get_by_label("What is the robot to do?").focus()
    dana.keyboard.type(TASK)
    tab_to(dana, "Draw the pair")
    dana.keyboard.press("Enter")
    expect_step(dana, "run-a")
    expect(dana.locator("[data-ready]")).to_be_visible()
    press(dana, "Enter")
    expect(dana.get_by_role("heading", name="Score A")).to_be_focused()
    press(dana, "4", "5", "Shift+ArrowRight", "ArrowLeft", "n")
    expect(dana.get_by_label("Progress of A, 0 to 100")).to_have_value("54")
    press(dana, "Enter")
    expect_step(dana, "restore")
    press(dana, "Enter", "Enter")
    expect_step(dana, "score-b")
    press(dana, "Shift+Enter")
    expect_step(dana, "run-b")
    press(dana, "Enter", "1", "0", "0", "y", "Enter")
    expect_step(dana, "judge")
    press(dana, "a", "=", "b", "t")
    expect(dana.locator("[name=preference][value=TIE]")).to_be_checked()
    dana.get_by_label("Notes").focus()
    dana.keyboard.type("a b = t 1")  # in a field they are letters
    expect(dana.locator("[name=preference][value=TIE]")).to_be_checked()
    tab_to(dana, "On: check it")
    press(dana, "Enter")
    expect_step(dana, "check")
    expect_saved(dana)
    press(dana, "Enter")
    expect(dana.get_by_role("heading", name=re.compile("One question"))).to_be_visible()
    tab_to(dana, "Skip and reveal")
    dana.keyboard.press("Enter")
    expect(dana.get_by_role("heading", name="The policies were")).to_be_visible()
    session = newest()
    a, b = (side.episode for side in session.sides.all())
    assert (a.progress, a.success, b.progress, b.success) == (0.54, False, 1.0, True)
    assert (session.results.get().preference, session.results.get().notes) == ("TIE", "a b = t 1")
    assert not Guess.objects.exists()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: Page, name: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            return
    raise AssertionError(f"{name} cannot be reached with the tab key")


def test_by_touch_on_a_tablet(browser: Browser, live_server: LiveServer, site: Site) -> None:
    context = browser.new_context(base_url=live_server.url, viewport=TABLET, has_touch=True, is_mobile=True)
    page = context.new_page()
    evaluating.sign_in(page, site.arena.dana.email)
    page.goto("/evaluate")
    page.locator(".resume-link").tap()
    expect(page.locator("[data-ready]")).to_be_visible()
    for side, percent, success in (("a", "20", "no"), ("b", "80", "yes")):
        expect_large_targets(page)
        page.locator(".is-current [data-primary]").tap()
        page.locator(f"[data-stage={side}][data-percent='{percent}']").tap()
        page.locator(f"[name={side}_success][value={success}]").tap()
        expect_large_targets(page)
        page.locator(".is-current [data-primary]").tap()
        if side == "a":
            page.locator(".is-current .confirm").tap()
            page.locator(".is-current [data-primary]").tap()
    page.locator(".prefer-b").tap()
    expect_large_targets(page)
    page.locator(".is-current [data-primary]").tap()
    expect_saved(page)
    page.get_by_role("button", name="Submit the result").tap()
    page.get_by_role("button", name="Skip and reveal").tap()
    expect(page.get_by_role("heading", name="The policies were")).to_be_visible()
    site.opened.refresh_from_db()
    assert site.opened.valid
    context.close()


SMALL = """() => [...document.querySelectorAll('.is-current :is(button, a, label, select, textarea, summary)')]
    .filter(one => one.checkVisibility() && !one.matches('p a, dd a, .field > label, .score-number *'))
    .map(one => [one.textContent.trim().slice(0, 30), Math.round(one.getBoundingClientRect().height)])
    .filter(([, height]) => height < 44)"""


def expect_large_targets(page: Page) -> None:
    assert page.evaluate(SMALL) == []


# Interrupted


def test_a_reload_goes_on_where_it_was(dana: Page, site: Site) -> None:
    open_page(dana, site.opened)
    go_on(dana)
    score(dana, "a", percent=60, success=False)
    expect_saved(dana)
    dana.reload()
    expect_step(dana, "score-a")
    expect(dana.get_by_label("Progress of A, 0 to 100")).to_have_value("60")
    dana.goto(address(site.opened))  # another device, which knows no step
    expect_step(dana, "restore")
    dana.go_back()
    expect_step(dana, "score-a")


def test_what_was_typed_last_survives_a_reload_at_once(dana: Page, site: Site) -> None:
    open_page(dana, site.opened, "judge")
    dana.get_by_label("Notes").fill("typed and gone")
    dana.reload()
    expect(dana.get_by_label("Notes")).to_have_value("typed and gone")
    expect_saved(dana)
    assert entered(site.opened) == {"notes": "typed and gone"}


def test_back_and_forward_walk_through_the_steps(dana: Page, site: Site) -> None:
    open_page(dana, site.opened)
    go_on(dana)
    dana.locator("[data-stop=judge] a").click()
    expect_step(dana, "judge")
    dana.go_back()
    expect_step(dana, "score-a")
    dana.go_forward()
    expect_step(dana, "judge")


def test_without_a_network_nothing_is_lost(dana: Page, context: BrowserContext, site: Site) -> None:
    open_page(dana, site.opened, "judge")
    context.set_offline(True)
    dana.get_by_label("Notes").fill("entered without a network")
    expect(dana.locator("[data-save-state]")).to_have_text(OFFLINE)
    go_on(dana)
    expect_step(dana, "check")
    assert entered(site.opened) == {}
    context.set_offline(False)
    expect_saved(dana)
    assert entered(site.opened) == {"notes": "entered without a network"}


def test_a_tab_that_was_closed_without_a_network_loses_nothing(dana: Page, context: BrowserContext, site: Site) -> None:
    open_page(dana, site.opened, "judge")
    context.set_offline(True)
    dana.get_by_label("Notes").fill("entered without a network")
    expect(dana.locator("[data-save-state]")).to_have_text(OFFLINE)
    dana.close()
    context.set_offline(False)
    again = context.new_page()
    open_page(again, site.opened, "judge")
    expect(again.get_by_label("Notes")).to_have_value("entered without a network")
    expect_saved(again)
    assert entered(site.opened) == {"notes": "entered without a network"}


def test_a_server_that_fails_is_asked_again(dana: Page, site: Site) -> None:
    answers = iter([500, 503])

    def fail(route: Route) -> None:
        status = next(answers, None)
        if status:
            route.fulfill(status=status, body="{}")
        else:
            route.fallback()

    open_page(dana, site.opened, "judge")
    dana.route("**/draft", fail)
    dana.locator(".prefer-a").click()
    expect(dana.locator("[data-save-state]")).to_have_text(OFFLINE)
    expect_saved(dana)
    assert entered(site.opened) == {"preference": "A"}


def test_two_tabs_see_what_the_other_entered(dana: Page, context: BrowserContext, site: Site) -> None:
    other = context.new_page()
    open_page(dana, site.opened, "judge")
    open_page(other, site.opened, "score-a")
    score(other, "a", percent=80, success=True)
    dana.get_by_label("Notes").fill("from the first tab")
    expect_saved(dana)
    dana.locator("[data-stop=score-a] a").click()
    expect(dana.get_by_label("Progress of A, 0 to 100")).to_have_value("80")
    other.locator("[data-stop=judge] a").click()
    expect(other.get_by_label("Notes")).to_have_value("from the first tab")
    expect(dana.locator(".conflict")).to_have_count(0)
    assert entered(site.opened) == {"a_progress": 80, "a_success": True, "notes": "from the first tab"}


@pytest.mark.parametrize(("choice", "outcome"), [("Keep mine", "B"), ("Take theirs", "A")])
def test_two_tabs_do_not_overwrite_each_other(dana: Page, site: Site, choice: str, outcome: str) -> None:
    open_page(dana, site.opened, "judge")
    enter(site.opened, preference="A")
    dana.locator(".prefer-b").click()
    dana.get_by_label("Notes").fill("this is not contested")
    conflict = dana.locator(".conflict")
    expect(conflict).to_contain_text("Which was better was changed in another tab or on another device")
    expect(conflict.locator("dd")).to_have_text(["A", "B"])
    expect_saved(dana)
    assert entered(site.opened) == {"preference": "A", "notes": "this is not contested"}
    chosen = conflict.get_by_role("button", name=choice)
    if outcome == "B":  # mine goes to the server once more
        with dana.expect_response(lambda response: response.request.method == "PATCH"):
            chosen.click()
    else:
        chosen.click()
    expect(conflict).to_have_count(0)
    expect(dana.locator(f"[name=preference][value={outcome}]")).to_be_checked()
    expect_saved(dana)
    assert entered(site.opened)["preference"] == outcome


def test_the_end_is_announced_and_put_off(dana: Page, site: Site) -> None:
    open_page(dana, site.opened)
    banner = dana.locator("[data-banner=expiry]")
    expect(banner).to_be_hidden()
    soon = timezone.now() + timedelta(minutes=WARNING_MINUTES - 1)
    Session.objects.filter(pk=site.opened.pk).update(lease_expires_at=soon)
    expect(banner).to_contain_text("This session ends by itself at")
    banner.get_by_role("button", name="I am still here").click()
    expect(banner).to_be_hidden()
    site.opened.refresh_from_db()
    assert site.opened.lease_expires_at is not None
    assert site.opened.lease_expires_at > soon + timedelta(hours=1)


def test_after_the_end_the_page_says_what_happened(dana: Page, site: Site) -> None:
    open_page(dana, site.opened, "judge")
    dana.get_by_label("Notes").fill("half a judgement")
    expect_saved(dana)
    Session.objects.filter(pk=site.opened.pk).update(lease_expires_at=timezone.now() + timedelta(seconds=1))
    expect(dana.get_by_role("heading", name="This session ran out before it was submitted")).to_be_visible(
        timeout=15_000
    )
    expect(dana.get_by_text("What you had entered is kept with it")).to_be_visible()


# Together with the robot's client


def test_what_the_client_sends_is_just_there(dana: Page, site: Site, long_video: bytes) -> None:
    open_page(dana, site.opened)
    live = dana.locator("[data-live=A]")
    expect(live).to_contain_text("Waiting for your client")
    side = site.opened.sides.get(label="A")
    connection = RelayConnection.objects.create(id=uuid.uuid4(), side=side, opened_at=timezone.now(), infers=30)
    expect(live).to_contain_text("Connected, tens of steps so far")
    RelayConnection.objects.filter(pk=connection.pk).update(closed_at=timezone.now(), errors={"policy_error": 1})
    expect(live).to_contain_text("Something went wrong between the platform and the policy")
    upload_episode(site.opened, Label.A, progress=0.6, video=long_video)
    check_files(site.opened)
    expect(dana.locator("[data-stop=score-a]")).to_have_class(re.compile("is-done"))
    go_on(dana)
    expect(dana.get_by_text("Your client has told this already.")).to_be_visible()
    expect(dana.locator("#uploads-A img")).to_be_visible()
    go_on(dana)
    expect(dana.get_by_alt_text("How the scene began: left camera, first frame of A")).to_be_visible()
    go_on(dana)
    go_on(dana)
    score(dana, "b", percent=20, success=False)
    go_on(dana)
    dana.locator(".prefer-a").click()
    go_on(dana)
    expect(dana.locator("[data-shows=a_progress]")).to_have_text("60 %")
    expect_saved(dana)
    dana.get_by_role("button", name="Submit the result").click()
    expect(dana.get_by_role("heading", name=re.compile("One question"))).to_be_visible()
    assert [one.progress for one in episodes_of(site.opened)] == [0.6, 0.2]


def episodes_of(session: Session) -> list[Episode]:
    return [side.episode for side in session.sides.all()]


def end_by_submission(session: Session) -> None:
    enter(session, a_progress=10, a_success=False, b_progress=20, b_success=False, preference="B")
    submissions.submit_draft(session=session, now=timezone.now(), veiled=False)


def end_by_abandoning(session: Session) -> None:
    sessions.abandon(session=session, now=timezone.now(), by=session.evaluator, reason="no_time")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("end", "heading"),
    [(end_by_submission, "The policies were"), (end_by_abandoning, "This session was given up")],
)
def test_a_session_that_ended_elsewhere_moves_on(
    dana: Page, site: Site, end: Callable[[Session], None], heading: str
) -> None:
    open_page(dana, site.opened)
    end(site.opened)
    expect(dana.get_by_role("heading", name=heading)).to_be_visible(timeout=10_000)


def test_a_submission_waits_for_videos_on_their_way(dana: Page, site: Site, long_video: bytes) -> None:
    held: list[Route] = []
    released: list[bool] = []
    dana.route("**/api/v1/uploads/*", lambda route: route.continue_() if released else held.append(route))
    enter(site.opened, a_progress=10, a_success=False, b_progress=20, b_success=True, preference="B")
    open_page(dana, site.opened, "score-a")
    dana.locator("#files-A").set_input_files({"name": "left.mp4", "mimeType": "video/mp4", "buffer": long_video})
    expect(dana.locator("#uploads-A [data-queue] li")).to_have_count(1)
    dana.locator("[data-stop=check] a").click()
    dana.get_by_role("button", name="Submit the result").click()
    expect(dana.get_by_text("One video is still on the way")).to_be_visible()
    dana.get_by_role("button", name="Do not submit yet").click()
    dana.get_by_role("button", name="Submit the result").click()
    released.append(True)
    for route in held:
        route.continue_()
    expect(dana.get_by_role("heading", name=re.compile("One question"))).to_be_visible(timeout=15_000)
    assert MediaFile.objects.filter(side__session=site.opened).count() == 1


# This device's camera


def test_the_live_picture_of_this_device_lies_under_the_start(
    browser: Browser, live_server: LiveServer, site: Site
) -> None:
    flags = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with_camera = browser.browser_type.launch(executable_path=chromium(), args=flags)
    context = with_camera.new_context(base_url=live_server.url)
    page = context.new_page()
    keep_photo(site.opened)
    evaluating.sign_in(page, site.arena.dana.email)
    open_page(page, site.opened, "restore")
    page.get_by_role("button", name="Use this device’s camera").click()
    expect(page.locator("[data-overlay-compare]")).to_be_visible()  # once the camera plays
    press(page, "ArrowRight", "ArrowRight")
    expect(page.locator("[data-start-image]")).to_have_css("opacity", "0.6")
    press(page, "f")
    expect(page.locator("[data-start-image]")).to_have_css("opacity", "1")
    page.get_by_role("button", name="Keep this photo").click()
    expect(page.get_by_role("button", name="Kept with the session")).to_be_visible()
    assert site.opened.photos.latest("created_at").moment == Photo.Moment.RESTORED
    go_on(page)
    assert page.evaluate("document.querySelector('[data-overlay-video]').srcObject?.active ?? false") is False
    with_camera.close()


def test_a_camera_that_is_refused_leaves_the_photo(dana: Page, site: Site) -> None:
    keep_photo(site.opened)
    open_page(dana, site.opened, "restore")
    dana.get_by_role("button", name="Use this device’s camera").click()
    expect(dana.get_by_text("The camera of this device could not be used. Take a photo instead.")).to_be_visible()


# Given up, not to count, refused


def test_giving_up_asks_why_and_is_recorded(dana: Page, site: Site) -> None:
    open_page(dana, site.opened)
    dana.get_by_role("link", name="Give up").click()
    dana.get_by_label("The robot or its cameras failed").check()
    dana.get_by_label("More about it").fill("the gripper is stuck")
    dana.get_by_role("button", name="Give it up").click()
    expect(dana.get_by_role("heading", name="This session was given up")).to_be_visible()
    site.opened.refresh_from_db()
    assert (site.opened.state, site.opened.reason) == ("abandoned", "robot_fault")


def test_what_is_missing_leads_to_its_field(dana: Page, site: Site) -> None:
    open_page(dana, site.opened, "check")
    dana.get_by_role("button", name="Submit the result").click()
    expect(dana.locator("[data-banner=trouble]")).to_contain_text("How far did A get?")
    dana.locator("[data-missing]").get_by_role("link", name="How far did B get?").click()
    expect_step(dana, "score-b")
    site.opened.refresh_from_db()
    assert site.opened.is_open


def test_one_that_is_not_to_count_needs_only_its_reason(dana: Page, site: Site) -> None:
    open_page(dana, site.opened, "judge")
    expect(dana.get_by_label("A policy server did not answer")).to_be_hidden()
    dana.get_by_label("No, do not count it").check()
    dana.get_by_label("A policy server did not answer").check()
    go_on(dana)
    expect(dana.locator("[data-shows=valid]")).to_have_text("no: a policy server did not answer")
    expect(dana.locator("[data-missing]")).to_be_hidden()
    expect_saved(dana)
    dana.get_by_role("button", name="Submit the result").click()
    expect(dana.get_by_role("heading", name=re.compile("One question"))).to_be_visible()
    site.opened.refresh_from_db()
    assert (site.opened.valid, site.opened.reason) == (False, "policy_unreachable")


def test_a_number_beyond_the_scale_is_brought_back(dana: Page, site: Site) -> None:
    open_page(dana, site.opened, "score-a")
    number = dana.get_by_label("Progress of A, 0 to 100")
    number.fill("140")
    number.blur()
    expect(number).to_have_value("100")
    expect_saved(dana)
    number.fill("")
    expect(dana.locator("[data-slider=a]")).to_have_attribute("aria-valuetext", "not entered yet")
    expect_saved(dana)
    number.press("Enter")
    expect_step(dana, "score-a")
    assert entered(site.opened) == {"a_progress": None}


def test_keys_can_be_listed_and_switched_off(dana: Page, site: Site) -> None:
    open_page(dana, site.opened, "judge")
    press(dana, "?")
    dialog = dana.get_by_role("dialog", name="Keys")
    dialog.get_by_label("Keys work outside of fields").uncheck()
    dialog.get_by_role("button", name="Close").click()
    press(dana, "a")
    expect(dana.locator("[name=preference]:checked")).to_have_count(0)
    dana.reload()
    expect(dana.locator("[data-ready]")).to_be_visible()
    press(dana, "a")
    expect(dana.locator("[name=preference]:checked")).to_have_count(0)


def test_stages_that_somebody_worded_do_not_follow_the_instruction(dana: Page, site: Site) -> None:
    dana.goto("/evaluate")
    first = dana.locator(".stage-text").first
    dana.get_by_label("What is the robot to do?").fill("fold the towel")
    expect(first).to_have_value("The cloth or cover is grasped at a useful place")
    first.fill("A corner is grasped")
    dana.get_by_label("What is the robot to do?").press_sequentially(" twice")
    dana.locator(".chip", has_text="open the drawer").click()
    expect(first).to_have_value("The hand is at the right handle or lid")
    dana.get_by_label("What is the robot to do?").fill("fold the towel")
    first.fill("A corner is grasped")
    dana.get_by_role("button", name="Draw the pair").click()
    expect_step(dana, "run-a")
    assert newest().rubric[0]["text"] == "A corner is grasped"


def test_one_line_is_copied(dana: Page, context: BrowserContext, site: Site) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(dana, site.opened)
    dana.get_by_role("button", name="Copy the command for side A").click()
    expect(dana.get_by_text("Copied")).to_be_visible()
    copied = dana.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(
        r"python -m arena_client rollout --address ws://\S+/relay/\S{43} --station my_lab:Station --save A", copied
    )


def test_without_scripts_all_steps_are_one_form(browser: Browser, live_server: LiveServer, site: Site) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    evaluating.sign_in(page, site.arena.dana.email)
    page.goto("/evaluate")
    page.get_by_label("What is the robot to do?").fill(TASK)
    page.get_by_role("button", name="Draw the pair").click()
    expect(page.locator(".step:visible")).to_have_count(len(STEPS))
    page.get_by_label("Progress of A, 0 to 100").fill("40")
    with page.expect_navigation():  # Enter in a field keeps what was entered
        page.get_by_label("Progress of A, 0 to 100").press("Enter")
    expect(page.get_by_label("Progress of A, 0 to 100")).to_have_value("40")
    page.get_by_label("Progress of B, 0 to 100").fill("70")
    for side in "ab":
        page.locator(f"[name={side}_success][value=no]").check()
    page.locator("[name=preference][value=B]").check()
    page.get_by_role("button", name="Submit the result").click()
    page.get_by_role("button", name="Skip and reveal").click()
    expect(page.get_by_role("heading", name="The policies were")).to_be_visible()
    assert newest().valid
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(
    browser: Browser, live_server: LiveServer, site: Site, long_video: bytes, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(base_url=live_server.url, color_scheme=scheme, viewport=TABLET)
    page = context.new_page()
    evaluating.sign_in(page, site.arena.dana.email)
    found: list[object] = []

    def look(name: str) -> None:
        found.extend((name, *violation) for violation in violations(page))

    page.goto("/evaluate")
    look("start")
    page.get_by_label("What is the robot to do?").fill("   ")
    page.locator(".start-form").evaluate("form => form.submit()")
    page.locator("#instruction-error").wait_for()
    look("start refused")
    page.goto("/method")
    look("method")
    for slug in STEPS:
        open_page(page, site.opened, slug)
        look(slug)
    enter(site.opened, a_progress=40, a_success=False, a_failure_modes=["dropped"], preference="A", valid=False)
    side = site.opened.sides.get(label="A")
    RelayConnection.objects.create(id=uuid.uuid4(), side=side, opened_at=timezone.now(), errors={"x": 1})
    upload_episode(site.opened, Label.B, video=long_video)
    check_files(site.opened)
    soon = timezone.now() + timedelta(minutes=5)
    for slug in STEPS:
        Session.objects.filter(pk=site.opened.pk).update(lease_expires_at=soon)
        open_page(page, site.opened, slug)
        look(f"{slug} filled")
    open_page(page, site.opened, "judge")
    enter(site.opened, preference="B")
    page.locator(".prefer-tie").click()
    page.locator(".conflict").wait_for()
    look("conflict")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    look("keys")
    page.goto(address(site.opened) + "/abandon")
    look("abandon")
    page.goto(f"/evaluate/{site.opened.pk}/abandon")
    enter(site.opened, valid=True, preference="A", a_progress=40)
    submissions.submit_draft(session=site.opened, now=timezone.now())
    page.goto(address(site.opened))
    look("guess")
    page.get_by_role("button", name="Skip and reveal").click()
    page.get_by_role("heading", name="The policies were").wait_for()
    look("reveal")
    context.close()
    assert found == []
