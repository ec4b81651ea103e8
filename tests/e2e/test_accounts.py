"""An account's pages in a real browser: made, confirmed, secured and signed in to."""

from typing import Any, Literal
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.providers.github.views import GitHubOAuth2Adapter
from django.core import mail
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from arena.config.providers import providers
from tests.arena.accounts.provider import running_provider
from tests.arena.accounts.steps import link_in_mail, totp_code
from tests.e2e.conftest import PASSWORD
from tests.e2e.test_pages import NARROW, complaints_of, shortcomings

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

EMAIL = "alice@example.org"


def fill(page: Page, action: str, **fields: str) -> None:
    for label, value in fields.items():
        page.get_by_label(label.replace("_", "-"), exact=True).fill(value)
    page.get_by_role("main").get_by_role("button", name=action, exact=True).click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_account_from_its_first_page_to_its_second_factor(
    browser: Browser, live_server: LiveServer, settings: Any, scheme: Literal["light", "dark"]
) -> None:
    settings.SOCIALACCOUNT_PROVIDERS = providers(google=("id", "secret"), github=("id", "secret"))
    context = browser.new_context(
        base_url=live_server.url, color_scheme=scheme, viewport={"width": NARROW, "height": 740}
    )
    page = context.new_page()
    complaints = complaints_of(page)
    page.goto("/sign-up")
    fill(page, "Make the account", E_mail=EMAIL, Name="Alice", Password="short")
    expect(page.get_by_text("too short")).to_be_visible()
    expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
    fill(page, "Make the account", Password=PASSWORD)
    expect(page.get_by_role("heading", name="We have sent you an e-mail")).to_be_visible()
    page.goto(link_in_mail())
    page.get_by_role("button", name="Yes, confirm it").click()
    expect(page.get_by_role("status")).to_have_text(f"{EMAIL} is confirmed.")
    fill(page, "Sign in", E_mail=EMAIL, Password=PASSWORD)
    page.get_by_role("link", name="Account").click()
    page.get_by_role("link", name="Set up a second factor").click()
    page.get_by_role("link", name="Set up an authenticator app").click()
    fill(page, "Go on", Password=PASSWORD)
    secret = page.locator("code.hash").inner_text()
    fill(page, "Switch the second factor on", Code=totp_code(secret))
    expect(page.locator(".codes code")).to_have_count(10)
    recovery = page.locator(".codes code").first.inner_text()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as a file").click()
    assert recovery in saved.value.path().read_text()
    found: list[object] = []
    for path in ("", "/email", "/password", "/second-factor", "/second-factor/recovery-codes", "/sign-ins"):
        found += shortcomings(page, f"/account{path}")
    page.get_by_role("button", name="Sign out").click()
    found += shortcomings(page, "/sign-up") + shortcomings(page, "/account/password/reset")
    page.goto("/sign-in?next=/status")
    fill(page, "Sign in", E_mail=EMAIL, Password=PASSWORD)
    fill(page, "Sign in", Code=recovery)
    page.wait_for_url("**/status")
    context.close()
    assert [*found, *complaints] == []
    assert all(str(message.subject).startswith("Policy Arena: ") for message in mail.outbox)


def test_a_button_leads_on_to_the_provider_under_the_policy(
    context: BrowserContext, live_server: LiveServer, settings: Any
) -> None:
    """A browser refuses to be sent on by a form to where `form-action` does not lead."""
    with running_provider() as provider:
        settings.SOCIALACCOUNT_PROVIDERS = providers(github=("id", "secret"))
        directives = {**settings.CONTENT_SECURITY_POLICY["DIRECTIVES"], "form-action": ["'self'", provider.url]}
        settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": directives}
        page = context.new_page()
        with patch.object(GitHubOAuth2Adapter, "authorize_url", f"{provider.url}/authorize"):
            page.goto("/sign-in")
            page.get_by_role("button", name="Continue with GitHub").click()
            page.wait_for_url(f"{provider.url}/authorize?*")
        [callback] = parse_qs(urlsplit(page.url).query)["redirect_uri"]
        assert callback == f"{live_server.url}/account/sign-ins/github/callback"
