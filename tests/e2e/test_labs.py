"""The pages of labs in a real browser: WCAG by axe-core in both schemes, no sideways scrolling, all without scripts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from arena import affiliations, api_keys, applications, invitations, keys, notices, stations
from arena.applications import TERMS_VERSION, ApplicationText
from arena.models import Lab, Notice, NoticeKind, Person, Role, Scope
from arena.stations import StationLimits
from tests.arena.conftest import Cast, as_person, make_cast
from tests.factories import make_person

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


@dataclass(frozen=True)
class Site:
    cast: Cast
    frank: Person
    token: str
    paths: list[tuple[str, Person | None]]


@pytest.fixture
def site() -> Site:
    """A lab with something on each of its pages."""
    cast, now = make_cast(), timezone.now()
    frank = Person.objects.create_user("frank@example.org", name="Frank Ferris")
    limits = StationLimits(
        action_spaces=["joint_position", "joint_velocity"],
        place="Room 12, second floor",
        max_speed=0.5,
        workspace="40 cm around the middle of the table",
        safety_notes="Nothing below the table's edge.\nNo throwing.",
    )
    for lab in (cast.owners, cast.evaluators):
        stations.create_station(lab=lab, name="bench 1", cameras=["left", "right", "wrist"], limits=limits)
        stations.create_station(lab=lab, name="bench 2", cameras=["left"])
    old = stations.create_station(lab=cast.owners, name="old bench", cameras=["left"])
    stations.retire_station(station=old, now=now)
    own = cast.owners.stations.get(name="bench 1")
    keys.create_client_key(person=cast.bob, station=own, by=cast.alice)
    api_keys.create_api_key(
        person=cast.alice, lab=cast.owners, name="nightly upload", scopes=[Scope.READ, Scope.EVALUATE], now=now
    )
    ended, _ = api_keys.create_api_key(person=cast.alice, lab=cast.owners, name="old", scopes=[Scope.READ], now=now)
    api_keys.revoke_api_key(key=ended, now=now, by=cast.alice)
    affiliations.declare(lab=cast.owners, other=cast.others, by=cast.alice, comment="a student in both")
    make_person("grace.hopper.of.a.long.address@robotics.example.org", lab=cast.owners, role=Role.OWNER)
    invitations.invite(lab=cast.owners, email=frank.email, role=Role.EVALUATOR, by=cast.alice, now=now)
    invitations.invite(
        lab=cast.owners, email="late@example.org", role=Role.ADMIN, by=cast.alice, now=now - timedelta(days=15)
    )
    text = ApplicationText(
        "Frank's Lab", "We are three people.\nAt a university.", "One DROID.", "https://frank.example"
    )
    application = applications.apply(person=frank, text=text, terms=TERMS_VERSION, now=now)
    application.affiliated_labs.set([cast.owners])
    token = notices.link_token(Notice.objects.get(email=frank.email).key)
    slug, bob = cast.owners.slug, cast.owners.memberships.get(person=cast.bob).pk
    paths: list[tuple[str, Person | None]] = [
        ("/join", None),
        ("/join", cast.dana),
        ("/join", frank),
        ("/join/terms", None),
        ("/stations", None),
        ("/review/applications", cast.eve),
        (f"/review/applications/{application.pk}", cast.eve),
        ("/lab", cast.alice),
        ("/lab", cast.eve),
        (f"/lab/{slug}/members", cast.alice),
        (f"/lab/{slug}/members", cast.bob),
        (f"/lab/{slug}/members/{bob}/remove", cast.alice),
        (f"/lab/{slug}/stations", cast.alice),
        (f"/lab/{slug}/stations/new", cast.alice),
        (f"/lab/{slug}/stations/{own.pk}", cast.alice),
        (f"/lab/{slug}/stations/{own.pk}/retire", cast.alice),
        (f"/lab/{slug}/keys", cast.alice),
        (f"/lab/{slug}/affiliations", cast.alice),
        (f"/invitations/{token}", None),
        (f"/invitations/{token}", cast.dana),
        (f"/invitations/{token}", frank),
        ("/account/keys", cast.alice),
        ("/account/notices", cast.alice),
        ("/account/history", cast.alice),
        (notices.off_path(cast.dana, NoticeKind.SESSION_EXPIRED), None),
    ]
    return Site(cast, frank, token, paths)


def sign_in(context: BrowserContext, person: Person, live_server: LiveServer) -> None:
    value = as_person(person).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": value, "url": live_server.url}])


@pytest.fixture
def scriptless(browser: Browser, live_server: LiveServer) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    yield context
    context.close()


def assert_accessible(page: Page, what: str) -> None:
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, f"{what}: {found.generate_report()}"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_every_page_is_accessible_and_fits(
    browser: Browser, live_server: LiveServer, site: Site, scheme: str, width: int
) -> None:
    for path, person in site.paths:
        context = browser.new_context(
            base_url=live_server.url,
            color_scheme="light" if scheme == "light" else "dark",
            viewport={"width": width, "height": 900},
        )
        if person:
            sign_in(context, person, live_server)
        page = context.new_page()
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        assert_accessible(page, f"{path} as {person}, {scheme}, {width}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{path} at {width}"
        context.close()


def test_a_form_with_mistakes_is_accessible_too(context: BrowserContext, live_server: LiveServer, site: Site) -> None:
    sign_in(context, site.cast.dana, live_server)
    page = context.new_page()
    page.goto("/join")
    page.get_by_role("button", name="Send the application").click()
    expect(page.locator("#id_about_error")).to_be_visible()
    assert_accessible(page, "/join with mistakes")


def test_from_the_application_to_the_first_code_without_scripts(
    scriptless: BrowserContext, live_server: LiveServer, site: Site
) -> None:
    page, cast = scriptless.new_page(), site.cast
    sign_in(scriptless, cast.eve, live_server)
    page.goto("/review/applications")
    page.get_by_role("link", name="Frank's Lab").click()
    page.get_by_label("Answer to the applicant").fill("Welcome.")
    page.get_by_role("button", name="Approve and make the lab").click()
    expect(page.get_by_role("status")).to_contain_text("approved")
    sign_in(scriptless, site.frank, live_server)
    page.goto("/lab")
    page.get_by_role("link", name="Describe your robot").click()
    page.get_by_label("Name", exact=True).fill("bench")
    page.get_by_label("left").check()
    page.get_by_label(re.compile("Greatest speed")).fill("0.25")
    page.get_by_role("button", name="Add the station").click()
    expect(page.get_by_text("0.25 m/s at the hand")).to_be_visible()
    page.get_by_role("link", name="Members").click()
    page.get_by_label("E-mail").fill("dana@example.org")
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_role("status")).to_contain_text("on its way to dana@example.org")
    page.get_by_role("link", name="Access codes").click()
    page.get_by_role("button", name="Make the code").click()
    code = page.locator(".secret").inner_text()
    page.goto(page.url)
    assert code not in page.content()
    lab = Lab.objects.get(name="Frank's Lab")
    assert lab.stations.get().max_speed == 0.25
    token = notices.link_token(Notice.objects.get(email="dana@example.org").key)
    sign_in(scriptless, cast.dana, live_server)
    page.goto(f"/invitations/{token}")
    page.get_by_role("button", name="Join Frank's Lab").click()
    expect(page.get_by_role("heading", name="Frank's Lab", exact=True)).to_be_visible()
    assert lab.memberships.count() == 2
