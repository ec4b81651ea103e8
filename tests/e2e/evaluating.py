"""An evaluator in the browser, for the tests of /evaluate."""

from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_FILE_PATH
from django.urls import reverse
from playwright.sync_api import Page, ViewportSize, expect

from evaluations.models import Session
from tests.e2e.conftest import PASSWORD

AXE = Path(AXE_FILE_PATH).read_text(encoding="utf-8")
RUN_AXE = "() => axe.run(document, {resultTypes: ['violations']})"
TABLET: ViewportSize = {"width": 820, "height": 1180}
STEPS = ("run-a", "score-a", "restore", "run-b", "score-b", "judge", "check")


def sign_in(page: Page, email: str) -> None:
    page.goto(reverse("sign-in"))
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url("**" + reverse("lab"))


def address(session: Session, step: str = "") -> str:
    return reverse("evaluate-session", args=[session.pk]) + (f"?step={step}" if step else "")


def open_page(page: Page, session: Session, step: str = "") -> None:
    page.goto(address(session, step))
    expect(page.locator("[data-evaluate][data-ready]")).to_be_visible()


def step(page: Page) -> str:
    """The step that is shown."""
    return page.locator(".step.is-current").get_attribute("data-step") or ""


def expect_step(page: Page, slug: str) -> None:
    expect(page.locator(f".step[data-step={slug}]")).to_be_visible()
    expect(page.locator(".step:visible")).to_have_count(1)


def go_on(page: Page) -> None:
    """The one obvious next step."""
    page.locator(".step.is-current [data-primary]").click()


def score(page: Page, side: str, *, percent: int, success: bool) -> None:
    page.locator(f"[data-stage={side}][data-percent='{percent}']").click()
    page.locator(f"[name={side}_success][value={'yes' if success else 'no'}]").check()


def expect_saved(page: Page) -> None:
    expect(page.locator("[data-save-state=saved]")).to_contain_text("Saved")


def violations(page: Page) -> list[tuple[str, str, list[str]]]:
    """What axe-core finds: rule, why, and where. Its text is evaluated, which no content security policy forbids."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate(RUN_AXE)
    return [
        (one["id"], one["help"], [" ".join(node["target"]) for node in one["nodes"]]) for one in found["violations"]
    ]
