"""The pages of trials, as owners, the host's members and stewards see them."""

import re

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from arena import policies
from arena.models import Person, Policy, PolicyVersion, Role, Station
from arena.policies import EndpointCheck
from evaluations import sessions, trials
from evaluations.models import Session, Trial
from tests.factories import Arena, finish_session, make_lab, make_person, make_station, make_steward, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(arena: Arena) -> Person:
    return make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)


@pytest.fixture
def version(arena: Arena, alice: Person) -> PolicyVersion:
    sent = {"name": "Deft", "lab": arena.owners.slug, "version": "1", "embodiment": "DROID", "endpoint": "ws://a.b:1"}
    assert client_of(alice).post("/policies/new", sent).status_code == 302
    made = PolicyVersion.objects.get(policy__slug="deft")
    policies.record_endpoint_check(endpoint=made.endpoint, check=EndpointCheck(reached=True))
    return made


@pytest.fixture
def trial(arena: Arena, alice: Person, version: PolicyVersion) -> Trial:
    return trials.ask(version=version, host=arena.lab, by=alice, now=timezone.now())


def client_of(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page(person: Person, at: str) -> str:
    answer = client_of(person).get(at)
    assert answer.status_code == 200
    return answer.content.decode()


def start(arena: Arena, trial: Trial, instruction: str) -> Session:
    sent = {"station": arena.station.pk, "instruction": instruction}
    answer = client_of(arena.dana).post(f"/trials/{trial.pk}/start", sent)
    session = Session.objects.get(instruction=instruction)
    assert answer.headers["Location"] == f"/evaluate/{session.pk}"
    return session


def test_an_owner_asks_a_lab_and_withdraws(arena: Arena, alice: Person, version: PolicyVersion) -> None:
    assert version.pool == "trial"
    make_station(lab=make_lab("Other robots"), embodiment="UR5")
    shown = page(alice, "/policies/deft/manage")
    assert "before its trial" in shown
    assert re.findall(r'<option value="([^"]+)"', shown) == [arena.lab.slug]
    assert "Pause" not in shown
    client = client_of(alice)
    assert client.post(f"/versions/{version.label}/trial", {"host": "nobody"}).status_code == 400
    answer = client.post(f"/versions/{version.label}/trial", {"host": arena.lab.slug}, follow=True)
    assert '0</span> of <span class="figures">2</span> sessions done' in answer.content.decode()
    trial = Trial.objects.get()
    assert (trial.host, trial.asked_by) == (arena.lab, alice)
    client.post(f"/trials/{trial.pk}/withdraw")
    trial.refresh_from_db()
    assert trial.state == Trial.State.WITHDRAWN
    assert "Ask a lab for a trial" in page(alice, "/policies/deft/manage")


def test_a_new_version_waits_as_well(arena: Arena, alice: Person) -> None:
    slug = arena.versions[0].policy.slug
    sent = {"version": "2", "embodiment": "DROID", "endpoint": "ws://a.b:1"}
    client_of(alice).post(f"/policies/{slug}/versions/new", sent)
    assert PolicyVersion.objects.get(policy__slug=slug, version="2").pool == "trial"


@pytest.mark.parametrize("pool", ["active", "paused", "trial"])
def test_no_other_way_leads_into_the_pool(alice: Person, version: PolicyVersion, pool: str) -> None:
    assert client_of(alice).post(f"/versions/{version.label}/pool", {"pool": pool}).status_code in (400, 409)
    version.refresh_from_db()
    assert version.pool == "trial"


def test_retiring_withdraws_the_trial(alice: Person, version: PolicyVersion, trial: Trial) -> None:
    client_of(alice).post(f"/versions/{version.label}/pool", {"pool": "retired"})
    trial.refresh_from_db()
    assert trial.state == Trial.State.WITHDRAWN


def test_where_trials_were_switched_off_the_owner_goes_on(alice: Person, version: PolicyVersion) -> None:
    with override_settings(TRIAL_SESSIONS=0):
        shown = page(alice, "/policies/deft/manage")
        assert "Put it into the pool" in shown
        assert "Ask a lab" not in shown
        client_of(alice).post(f"/versions/{version.label}/pool", {"pool": "active"})
    version.refresh_from_db()
    assert version.pool == "active"


def test_the_host_finds_it_with_its_limits_and_a_warning(arena: Arena, trial: Trial) -> None:
    Station.objects.filter(pk=arena.station.pk).update(max_speed=0.3, workspace="the blue mat")
    for at in ("/evaluate", f"/trials/{trial.pk}"):
        shown = page(arena.dana, at)
        assert "This policy is untested." in shown
        assert "0.3 m/s" in shown
        assert "the blue mat" in shown
    trials.decide(trial=trial, go=False, comment="no", by=arena.dana, now=timezone.now())
    assert "untested" not in page(arena.dana, "/evaluate")


def test_from_the_first_session_to_go(arena: Arena, alice: Person, version: PolicyVersion, trial: Trial) -> None:
    dana = client_of(arena.dana)
    for number in range(2):
        refused = dana.post(f"/trials/{trial.pk}/decide", {"decision": "go"})
        assert refused.status_code == 409
        assert f"{2 - number} " in refused.content.decode()
        session = start(arena, trial, f"lift cup {number}")
        running = page(arena.dana, f"/evaluate/{session.pk}")
        assert "Trial" in running
        assert "deft" not in running.lower()
        finish_session(session, notes="calm", video=b"video")
    done = page(arena.dana, f"/evaluate/{session.pk}")
    assert "This was part of a trial and counts nowhere" in done
    assert "Now and then we draw one policy twice" not in done
    told = dana.post(f"/trials/{trial.pk}/decide", {"decision": "go", "comment": "fine"}, follow=True)
    assert "Go: it is in the pool now." in told.content.decode()
    version.refresh_from_db()
    assert version.pool == "active"
    shown = page(alice, "/policies/deft/manage")
    for words in ("lift cup 1", "calm", "“fine”", f"/sessions/{session.pk}/A/left.mp4"):
        assert words in shown
    assert str(arena.dana) not in shown
    assert str(arena.dana) not in page(alice, f"/trials/{trial.pk}")


def test_a_no_go_says_why(arena: Arena, alice: Person, trial: Trial) -> None:
    dana = client_of(arena.dana)
    for sent in ({"decision": "no_go"}, {"comment": "no decision"}, {"decision": "asked"}):
        assert dana.post(f"/trials/{trial.pk}/decide", sent).status_code == 400
    dana.post(f"/trials/{trial.pk}/decide", {"decision": "no_go", "comment": "it hit the <table>"})
    assert "it hit the &lt;table&gt;" in page(alice, "/policies/deft/manage")
    again = dana.post(f"/trials/{trial.pk}/decide", {"decision": "no_go", "comment": "again"})
    assert (again.status_code, "has ended: no-go" in again.content.decode()) == (409, True)
    second = trials.ask(version=trial.version, host=arena.lab, by=alice, now=timezone.now())
    assert "it hit the &lt;table&gt;" in page(arena.dana, f"/trials/{second.pk}")


@pytest.mark.parametrize(("station", "instruction"), [("", "lift it"), ("0", "lift it"), ("own", "  ")])
def test_what_is_wrong_is_said_and_what_was_typed_kept(
    arena: Arena, trial: Trial, station: str, instruction: str
) -> None:
    sent = {"station": arena.station.pk if station == "own" else station, "instruction": instruction}
    answer = client_of(arena.dana).post(f"/trials/{trial.pk}/start", sent)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert f">{instruction}</textarea>" in answer.content.decode()
    assert not Session.objects.exists()


def test_who_is_new_trains_before_trying(arena: Arena, trial: Trial) -> None:
    known = [make_version(f"known {number}", lab=arena.owners) for number in range(2)]
    Policy.objects.filter(versions__in=known).update(practice=True)
    sent = {"station": arena.station.pk, "instruction": "lift it"}
    answer = client_of(arena.dana).post(f"/trials/{trial.pk}/start", sent)
    assert answer.status_code == 409
    assert "training session" in answer.content.decode()


def test_owners_are_told_nothing_of_a_session_that_runs(arena: Arena, alice: Person, trial: Trial) -> None:
    places = ["/policies/deft/manage", f"/trials/{trial.pk}"]
    before = [_without_tokens(page(alice, at)) for at in places]
    session = start(arena, trial, "a secret task")
    assert [_without_tokens(page(alice, at)) for at in places] == before
    sessions.abandon(session=session, now=timezone.now(), by=arena.dana, reason="policy_unsafe", comment="too fast")
    for at in places:
        assert "too fast" in page(alice, at)


def _without_tokens(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if "csrfmiddlewaretoken" not in line)


def test_hosts_colleagues_see_that_it_ran_and_not_how_it_went(arena: Arena, trial: Trial) -> None:
    helen = make_person("helen@example.org", lab=arena.lab, role=Role.EVALUATOR)
    session = finish_session(start(arena, trial, "lift the cup"), notes="it shook")
    shown = page(helen, f"/trials/{trial.pk}")
    assert "lift the cup" in shown
    assert "it shook" not in shown
    assert f"/evaluate/{session.pk}" not in shown


def test_a_steward_waives_it_with_a_reason(version: PolicyVersion, trial: Trial) -> None:
    eve = client_of(make_steward())
    assert version.label in eve.get("/review/trials").content.decode()
    assert eve.post(f"/versions/{version.label}/waive", {"comment": ""}).status_code == 400
    told = eve.post(f"/versions/{version.label}/waive", {"comment": "tried elsewhere"}, follow=True)
    assert "is in the pool without a trial" in told.content.decode()
    version.refresh_from_db()
    assert version.pool == "active"


def test_results_to_take_home_hold_no_trial(arena: Arena, alice: Person, trial: Trial) -> None:
    finish_session(start(arena, trial, "lift the cup"))
    answer = client_of(alice).get("/policies/deft/results.json")
    assert b'"results": [\n]' in b"".join(answer.streaming_content)  # type: ignore[attr-defined]
