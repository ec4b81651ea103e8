"""A trial in a real browser: an owner asks, a lab tries the version and says go, the owner reads how it did."""

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, expect
from pytest_django.live_server_helper import LiveServer

from arena import policies
from arena.models import Person, PolicyVersion, Role, Station
from arena.policies import EndpointCheck
from evaluations import assignments, trials
from evaluations.models import Preference, Session, Trial
from tests.e2e.test_labs import assert_accessible, scriptless, sign_in
from tests.factories import Arena, finish_session, make_arena, make_person, make_steward

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
__all__ = ["scriptless"]


@pytest.fixture
def arena() -> Arena:
    """Alice's version waits for its trial; Dana's lab says what a policy must respect at its station."""
    arena = make_arena()
    alice = make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)
    Station.objects.filter(pk=arena.station.pk).update(max_speed=0.3, workspace="the blue mat")
    version = policies.register_policy(
        lab=arena.owners, name="Deft hands", endpoint_url="ws://policy.example:1", trial_first=True, by=alice
    )
    policies.record_endpoint_check(endpoint=version.endpoint, check=EndpointCheck(reached=True))
    return arena


def alice() -> Person:
    return Person.objects.get(email="alice@example.org")


def untried() -> PolicyVersion:
    return PolicyVersion.objects.get(policy__slug="deft-hands")


def test_from_asking_to_the_pool_without_scripts(
    scriptless: BrowserContext, browser: Browser, live_server: LiveServer, arena: Arena
) -> None:
    sign_in(scriptless, alice(), live_server)
    owner = scriptless.new_page()
    owner.goto("/policies/deft-hands/manage")
    expect(owner.get_by_text("before its trial")).to_be_visible()
    owner.get_by_label("Lab", exact=True).select_option(label=arena.lab.name)
    owner.get_by_role("button", name="Ask a lab for a trial").click()
    expect(owner.get_by_text("0 of 2 sessions done")).to_be_visible()

    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    sign_in(context, arena.dana, live_server)
    host = context.new_page()
    for number in range(2):
        host.goto("/evaluate")
        expect(host.get_by_text("This policy is untested.")).to_be_visible()
        expect(host.get_by_text("at most 0.3 m/s at the hand; the blue mat")).to_be_visible()
        host.get_by_role("link", name="Try Deft hands @1").click()
        expect(host.get_by_role("button", name="Go", exact=True)).to_have_count(0)
        host.get_by_label("What is the robot to do?").fill(f"lift cup {number}")
        host.get_by_role("button", name="Start a session of the trial").click()
        expect(host.get_by_role("heading", name=f"lift cup {number}")).to_be_visible()
        session = Session.objects.get(instruction=f"lift cup {number}")
        finish_session(session, preference=Preference.TIE, notes="It moves calmly.", video=b"no video")
        host.reload()
        host.get_by_role("link", name="Back to the trial").click()
    host.get_by_label("What you saw").fill("slow and steady")
    host.get_by_role("button", name="Go", exact=True).click()
    expect(host.get_by_text("Go: it is in the pool now.")).to_be_visible()
    context.close()

    assert untried().pool == PolicyVersion.Pool.ACTIVE
    owner.reload()
    owner.get_by_text(f"Trial at {arena.lab.name}").click()
    expect(owner.get_by_text("“slow and steady”")).to_be_visible()
    expect(owner.get_by_text("It moves calmly.").first).to_be_visible()
    owner.goto("/sessions?show=all")
    expect(owner.get_by_text("lift cup")).to_have_count(0)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_every_page_is_accessible_and_fits(
    browser: Browser, live_server: LiveServer, arena: Arena, scheme: str, width: int
) -> None:
    now, eve = timezone.now(), make_steward()
    first = trials.ask(version=untried(), host=arena.lab, by=alice(), now=now)
    trials.decide(trial=first, go=False, comment="it swung towards the shelf", by=arena.dana, now=now)
    trial: Trial = trials.ask(version=untried(), host=arena.lab, by=alice(), now=now)
    session = assignments.open_session(
        person=arena.dana, station=arena.station, instruction="lift the cup", trial=trial, now=now
    )
    finish_session(session, video=b"no video")
    pages = [
        ("/policies/deft-hands/manage", alice()),
        (f"/trials/{trial.pk}", alice()),
        (f"/trials/{trial.pk}", arena.dana),
        (f"/trials/{first.pk}", arena.dana),
        (f"/evaluate/{session.pk}", arena.dana),
        ("/evaluate", arena.dana),
        ("/review/trials", eve),
    ]
    for path, person in pages:
        context = browser.new_context(
            base_url=live_server.url,
            color_scheme="light" if scheme == "light" else "dark",
            viewport={"width": width, "height": 900},
        )
        sign_in(context, person, live_server)
        page = context.new_page()
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        assert_accessible(page, f"{path}, {scheme}, {width}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{path} at {width}"
        context.close()
