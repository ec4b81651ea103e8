"""Every move leaves an event that says who did it; labs and stewards read it in words, and nobody is told too much."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from arena import affiliations, api_keys, audit, invitations, keys, labs, members, policies, stations
from arena.models import AuditEvent, Lab, Membership, Person, PolicyVersion, Role, Scope
from arena.policies import EndpointCheck
from credits import grants, ledger
from evaluations import assignments, events, guesses, sessions, trials
from evaluations.desk import checks
from evaluations.models import EvaluationRequest, Label, Preference, Session, Trial
from evaluations.requests import orders
from evaluations.sessions import Judgement
from tests.arena.conftest import as_person
from tests.factories import (
    Arena,
    finish_session,
    make_arena,
    make_lab,
    make_person,
    make_steward,
    open_session,
    upload_episode,
)

NOW = timezone.now()
JUDGED = Judgement(preference=Preference.A, notes="A was steadier.", valid=True)


@dataclass
class World:
    """Alice runs the lab that Dana evaluates for; Olga owns policies; Eve is a steward."""

    arena: Arena
    alice: Person
    olga: Person
    eve: Person

    @property
    def lab(self) -> Lab:
        return self.arena.lab

    @property
    def dana(self) -> Person:
        return self.arena.dana

    @property
    def version(self) -> PolicyVersion:
        return self.arena.versions[0]

    def request(self) -> EvaluationRequest:
        return orders.place(version=self.version, wanted=1, by=self.olga, now=NOW)

    def judged(self) -> Session:
        return finish_session(open_session(self.arena))

    def veiled(self) -> Session:
        session = open_session(self.arena)
        for label in Label:
            upload_episode(session, label)
        return sessions.submit(session=session, judgement=JUDGED, now=NOW, veiled=True)

    def membership(self) -> Membership:
        return Membership.objects.get(person=self.dana, lab=self.lab)

    def api_key(self) -> Any:
        return api_keys.create_api_key(person=self.dana, lab=self.lab, name="k", scopes=[Scope.READ], now=NOW)[0]

    def invitation(self) -> Any:
        return invitations.invite(lab=self.lab, email="n@example.org", role=Role.EVALUATOR, by=self.alice, now=NOW)


@pytest.fixture
def world(db: None) -> World:
    arena = make_arena()
    ledger.earn(lab=arena.owners, amount=20, key="welcome")
    return World(
        arena,
        alice=make_person("alice@example.org", lab=arena.lab, role=Role.ADMIN),
        olga=make_person("olga@example.org", lab=arena.owners, role=Role.OWNER),
        eve=make_steward(),
    )


def _late(world: World) -> None:
    session = open_session(world.arena)
    sessions.expire_overdue(now=NOW + timedelta(days=1))
    sessions.submit(session=session, judgement=JUDGED, now=NOW + timedelta(days=1))


def _restored(world: World) -> None:
    ledger.earn(lab=world.lab, amount=2, key="s")
    ledger.take_back(earned="s", comment="excluded", by=world.eve)
    ledger.restore(earned="s", comment="by mistake", by=world.eve)


def _ended_affiliation(world: World) -> None:
    affiliation = affiliations.declare(lab=world.lab, other=make_lab(), by=world.alice)
    affiliations.end(affiliation=affiliation, by=world.eve)


# What is done, the tag of its event, who did it, and whose lab's it is.
VERBS: list[tuple[str, str, str, Callable[[World], object]]] = [
    ("session:opened", "dana", "lab", lambda w: open_session(w.arena)),
    ("session:started", "dana", "lab", lambda w: upload_episode(open_session(w.arena), Label.A)),
    ("episode:uploaded-A", "dana", "lab", lambda w: upload_episode(open_session(w.arena), Label.A)),
    ("session:submitted", "dana", "lab", lambda w: w.judged()),
    ("session:abandoned", "dana", "lab", lambda w: _abandoned(w)),
    ("session:expired", "", "lab", lambda w: (open_session(w.arena), sessions.expire_overdue(now=NOW + timedelta(1)))),
    ("session:judged-late", "dana", "lab", _late),
    ("session:guessed", "dana", "lab", lambda w: _answer(w, w.version.policy.slug)),
    ("session:revealed", "dana", "lab", lambda w: _answer(w, None)),
    ("session:revealed", "", "lab", lambda w: (w.veiled(), sessions.reveal_overdue(now=NOW + timedelta(1)))),
    ("session:excluded", "eve", "lab", lambda w: _excluded(w)),
    ("credits:taken-back", "eve", "lab", lambda w: _excluded(w)),
    ("credits:restored", "eve", "lab", _restored),
    ("credits:granted", "eve", "lab", lambda w: ledger.grant(lab=w.lab, amount=1, comment="c", key="g", by=w.eve)),
    ("credits:welcomed", "", "lab", lambda w: grants.give_due(now=NOW)),
    ("credits:weekly", "", "lab", lambda w: grants.give_due(now=NOW + timedelta(weeks=1))),
    ("request:placed", "olga", "owners", lambda w: w.request()),
    ("request:paused", "olga", "owners", lambda w: orders.pause(request=w.request(), by=w.olga)),
    ("request:resumed", "olga", "owners", lambda w: _resumed(w)),
    ("request:cancelled", "olga", "owners", lambda w: orders.cancel(request=w.request(), by=w.olga, now=NOW)),
    ("request:done", "", "owners", lambda w: (w.request(), w.judged())),
    (
        "request:expired",
        "",
        "owners",
        lambda w: _end(w.request(), E.EXPIRED),
    ),
    (
        "request:decided",
        "",
        "owners",
        lambda w: _end(w.request(), E.DECIDED),
    ),
    ("policy:registered", "olga", "owners", lambda w: _registered(w)),
    ("policy:endpoint-moved", "olga", "owners", lambda w: _moved(w)),
    ("policy:check-asked", "olga", "owners", lambda w: checks.ask(version=w.version, by=w.olga, now=NOW)),
    ("policy:paused", "olga", "owners", lambda w: _pooled(w, "paused")),
    ("policy:resumed", "olga", "owners", lambda w: _pooled(w, "paused", "active")),
    ("policy:retired", "olga", "owners", lambda w: _pooled(w, "retired")),
    ("policy:trial-waived", "eve", "owners", lambda w: _waived(w)),
    ("policy:tried", "", "owners", lambda w: _tried(w, go=True)),
    ("trial:asked", "olga", "owners", lambda w: _asked(w)),
    ("trial:withdrawn", "olga", "owners", lambda w: trials.withdraw(trial=_asked(w), by=w.olga, now=NOW)),
    ("trial:go", "dana", "lab", lambda w: _tried(w, go=True)),
    ("trial:no-go", "dana", "lab", lambda w: _tried(w, go=False)),
    ("affiliation:declared", "alice", "lab", lambda w: affiliations.declare(lab=w.lab, other=make_lab(), by=w.alice)),
    ("affiliation:ended", "eve", "lab", _ended_affiliation),
    (
        "member:role",
        "alice",
        "lab",
        lambda w: _promoted(w),
    ),
    ("member:removed", "alice", "lab", lambda w: _removed(w)),
    ("member:left", "dana", "lab", lambda w: members.remove_member(membership=w.membership(), by=w.dana, now=NOW)),
    ("member:added", "", "lab", lambda w: labs.add_member(lab=w.lab, email="x@example.org", role=Role.OWNER)),
    ("invitation:sent", "alice", "lab", lambda w: w.invitation()),
    (
        "invitation:revoked",
        "alice",
        "lab",
        lambda w: _uninvited(w),
    ),
    (
        "key:created",
        "alice",
        "lab",
        lambda w: _key(w),
    ),
    ("key:revoked", "alice", "lab", lambda w: keys.revoke_client_key(key=w.arena.key, by=w.alice)),
    ("key:revoked", "alice", "lab", lambda w: _removed(w)),
    ("api-key:created", "dana", "lab", lambda w: w.api_key()),
    ("api-key:revoked", "dana", "lab", lambda w: api_keys.revoke_api_key(key=w.api_key(), by=w.dana, now=NOW)),
    ("api-key:revoked", "alice", "lab", lambda w: _removed_with_key(w)),
    (
        "station:retired",
        "alice",
        "lab",
        lambda w: _station_retired(w),
    ),
]
E = EvaluationRequest.State


def _answer(world: World, slug: str | None) -> None:
    guesses.answer(session=world.veiled(), policy_a=slug, policy_b=None, now=NOW)


def _resumed(world: World) -> None:
    orders.resume(request=orders.pause(request=world.request(), by=world.olga), by=world.olga)


def _registered(world: World) -> None:
    policies.register_policy(lab=world.arena.owners, name="new", endpoint_url="ws://p.example:1", by=world.olga)


def _moved(world: World) -> None:
    policies.move_endpoint(version=world.version, endpoint_url="ws://p.example:1", by=world.olga)


def _pooled(world: World, *pools: str) -> None:
    for pool in pools:
        policies.set_pool(version=world.version, pool=PolicyVersion.Pool(pool), by=world.olga)


def _asked(world: World) -> Trial:
    version = policies.register_policy(
        lab=world.arena.owners, name="untried", endpoint_url="ws://p.example:1", trial_first=True
    )
    policies.record_endpoint_check(endpoint=version.endpoint, check=EndpointCheck(reached=True))
    return trials.ask(version=version, host=world.lab, by=world.olga, now=NOW)


def _tried(world: World, *, go: bool) -> None:
    trial = _asked(world)
    with override_settings(TRIAL_SESSIONS=1):
        session = assignments.open_session(
            person=world.dana, station=world.arena.station, instruction="lift it", trial=trial, now=NOW
        )
        finish_session(session)
        trials.decide(trial=trial, go=go, comment="seen", by=world.dana, now=NOW)


def _waived(world: World) -> None:
    trials.waive(version=_asked(world).version, comment="known", by=world.eve, now=NOW)


def _end(request: EvaluationRequest, state: EvaluationRequest.State) -> None:
    orders.end(request=request, state=state, now=NOW)


def _promoted(world: World) -> None:
    members.change_role(membership=world.membership(), role=Role.OWNER, by=world.alice)


def _uninvited(world: World) -> None:
    invitations.revoke(invitation=world.invitation(), by=world.alice, now=NOW)


def _key(world: World) -> None:
    keys.create_client_key(person=world.dana, station=world.arena.station, by=world.alice)


def _station_retired(world: World) -> None:
    stations.retire_station(station=world.arena.station, by=world.alice, now=NOW)


def _excluded(world: World) -> None:
    sessions.exclude(session=world.judged(), reason="r", comment="c", by=world.eve)


def _abandoned(world: World) -> None:
    sessions.abandon(session=open_session(world.arena), now=NOW, by=world.dana)


def _removed_with_key(world: World) -> None:
    world.api_key()
    _removed(world)


def _removed(world: World) -> None:
    members.remove_member(membership=world.membership(), by=world.alice, now=NOW)


@pytest.mark.parametrize(("tag", "who", "whose", "verb"), VERBS, ids=[f"{n}-{row[0]}" for n, row in enumerate(VERBS)])
@override_settings(REQUESTED_SHARE=1.0)
def test_every_verb_leaves_an_event_with_its_person(
    world: World, tag: str, who: str, whose: str, verb: Callable[[World], object]
) -> None:
    before = set(AuditEvent.objects.values_list("pk", flat=True))
    verb(world)
    lab = world.lab if whose == "lab" else world.arena.owners
    found = AuditEvent.objects.filter(tag=tag, lab=lab).exclude(pk__in=before)
    assert [event.person for event in found] == [getattr(world, who) if who else None]
    told = events.in_words(found, world.alice)
    assert [one.by == "the platform" for one in told] == [tag in events.BY_ITSELF and not who]
    assert "…" not in told[0].text


def test_whatever_is_recorded_has_words() -> None:
    recorded = set()
    for app in ("arena", "credits", "evaluations", "leaderboard", "reports", "workers"):
        for path in (Path(settings.BASE_DIR) / app).rglob("*.py"):
            source = path.read_text()
            recorded |= set(re.findall(r'(?:audit\.record\(\s*|tag = )"([a-z_-]+:[a-z_-]+)"', source))
            recorded |= {f"person:{tag}" for tag in re.findall(r'_record\("([a-z-]+)"', source)}
    assert len(recorded) > 40
    assert recorded <= set(events.WORDS)


def test_every_word_can_be_said(world: World) -> None:
    """Each sentence with nothing to put in, as an old event may have it."""
    for tag in events.WORDS:
        audit.record(tag, subject=f"person:{world.dana.pk}", person=world.dana)
    told = events.in_words(list(events.all_events(person=world.dana.email)), world.dana)
    assert {one.event.tag for one in told} == set(events.WORDS)
    assert not any("{" in one.text for one in told)


def lab_page(person: Person, lab: Lab) -> str:
    answer = as_person(person).get(f"/lab/{lab.slug}/events")
    assert answer.status_code == 200
    return answer.content.decode()


def test_members_read_who_did_what_when_and_why(world: World) -> None:
    session = world.judged()
    sessions.exclude(session=session, reason="wrong robot", comment="another arm was used", by=world.eve)
    affiliations.declare(lab=world.lab, other=make_lab("Friends"), by=world.alice, comment="the same building")
    page = lab_page(world.alice, world.lab)
    assert "Session opened" in page
    assert f"by {world.dana.email}" in page
    assert "because: wrong robot: another arm was used" in page
    assert "by a steward" in page
    assert "Affiliation of" in page
    assert "with friends declared" in page
    assert "because: the same building" in page
    assert f"/sessions/{session.pk}" in page
    assert 'aria-current="page">Events' in page


def test_only_an_admin_reads_who_was_invited(world: World) -> None:
    world.invitation()
    assert "n@example.org" in lab_page(world.alice, world.lab)
    page = lab_page(world.dana, world.lab)
    assert "n@example.org" not in page
    assert "Somebody invited" in page


def test_other_labs_and_visitors_read_none(world: World) -> None:
    path = f"/lab/{world.lab.slug}/events"
    assert as_person(world.olga).get(path).status_code == 404
    assert as_person(world.eve).get(path).status_code == 404


def test_events_have_pages(world: World, django_assert_max_num_queries: Any) -> None:
    for number in range(60):
        audit.record("station:changed", subject="station:1", person=world.alice, lab=world.lab, number=number)
    assert "Page 1 of 2" in lab_page(world.alice, world.lab)
    client = as_person(world.alice)
    with django_assert_max_num_queries(12):
        assert client.get(f"/lab/{world.lab.slug}/events?page=2").status_code == 200
    client = as_person(world.eve)
    with django_assert_max_num_queries(12):
        assert client.get("/review/events?page=2").status_code == 200


@override_settings(REQUESTED_SHARE=1.0)
def test_no_event_names_what_an_open_or_veiled_session_holds(world: World) -> None:
    """Dana is in the owners' lab too, and what she runs is their only request."""
    labs.add_member(lab=world.arena.owners, email=world.alice.email, role=Role.OWNER)
    request = world.request()
    session = open_session(world.arena)
    assert session.request == request
    hidden = {version.policy.slug for version in world.arena.versions}

    def told() -> list[str]:
        events_of_lab = AuditEvent.objects.filter(lab=world.lab).exclude(tag__startswith="policy:")
        for event in events_of_lab:
            assert not any(slug in f"{event.subject} {event.details}" for slug in hidden)
        pages = [lab_page(world.alice, world.lab), lab_page(world.alice, world.arena.owners)]
        return [*pages, as_person(world.eve).get("/review/events").content.decode()]

    assert not any(slug in told()[0] for slug in hidden)
    for label in Label:
        upload_episode(session, label)
    sessions.submit(session=session, judgement=JUDGED, now=NOW, veiled=True)
    request.refresh_from_db()
    assert request.state == EvaluationRequest.State.DONE
    assert not any(slug in told()[0] for slug in hidden)
    assert not any("Request of" in page and " done" in page for page in told())
    sessions.reveal(session=session, now=NOW)
    assert f"Request of {world.arena.owners} done" in told()[1]


@override_settings(REQUESTED_SHARE=1.0)
def test_owners_are_not_told_who_evaluates(world: World) -> None:
    world.request()
    world.judged()
    page = lab_page(world.olga, world.arena.owners)
    assert "done" in page
    for word in (world.dana.email, world.lab.name, world.lab.slug, "Session"):
        assert word not in page.split("</header>")[-1].split("<footer")[0]


def test_stewards_choose_by_tag_lab_and_person(world: World) -> None:
    world.judged()
    world.request()
    client = as_person(world.eve)

    def tags(query: str) -> set[str]:
        answer = client.get(f"/review/events?{query}")
        assert answer.status_code == 200
        return set(re.findall(r"<code>([a-z:A-Z-]+)</code>", answer.content.decode()))

    assert {"session:opened", "request:placed", "lab:created"} <= tags("")
    assert {tag.partition(":")[0] for tag in tags("tag=session:")} == {"session"}
    assert "request:placed" not in tags(f"lab={world.lab.slug}")
    assert tags(f"tag=request:&lab={world.arena.owners.slug}") == {"request:placed"}
    assert "request:placed" not in tags(f"person={world.dana.email}")
    assert {"session:opened", "member:added"} <= tags(f"person={world.dana.email.upper()}")
    assert tags("person=nobody@example.org") == set()
    assert tags("tag=%00&lab=%00&page=x") != set()


def test_an_open_session_is_no_link(world: World) -> None:
    session = open_session(world.arena)
    assert f"/sessions/{session.pk}" not in lab_page(world.alice, world.lab)
