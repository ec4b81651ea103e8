"""A trial before the pool: who may ask, run and decide, what its sessions are, and that they stand nowhere."""

import json
from datetime import datetime
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client, override_settings
from django.utils import timezone

from arena import policies, stations
from arena.errors import AccessDenied, ArenaError
from arena.models import AuditEvent, Lab, Person, Policy, PolicyVersion, Role
from arena.policies import EndpointCheck
from credits.models import Entry
from evaluations import assignments, guesses, sessions, trials
from evaluations.models import Preference, Session, Trial
from evaluations.pairing import DrawKind
from leaderboard import snapshots
from leaderboard.models import Snapshot
from tests.factories import (
    finish_session,
    make_arena,
    make_lab,
    make_person,
    make_station,
    make_steward,
    make_version,
    open_session,
    upload_episode,
)

pytestmark = pytest.mark.django_db
POOL = PolicyVersion.Pool
NOTES = "it swung towards the shelf"


class World:
    """Alice owns a version that waits for its trial, at Dana's lab."""

    def __init__(self, *, known: int = 1) -> None:
        self.arena = make_arena()
        self.alice = make_person("alice@example.org", lab=self.arena.owners, role=Role.OWNER)
        self.version = self.new_version("Untried hands")
        self.known = [make_version(f"known {number}", lab=self.arena.owners) for number in range(known)]
        Policy.objects.filter(versions__in=self.known).update(practice=True)

    def new_version(self, name: str, lab: Lab | None = None) -> PolicyVersion:
        made = policies.register_policy(
            lab=lab or self.arena.owners, name=name, endpoint_url="ws://p.example:1", trial_first=True
        )
        policies.record_endpoint_check(endpoint=made.endpoint, check=EndpointCheck(reached=True))
        return made

    @property
    def dana(self) -> Person:
        return self.arena.dana

    def ask(self, host: Lab | None = None) -> Trial:
        return trials.ask(version=self.version, host=host or self.arena.lab, by=self.alice, now=timezone.now())

    def open(self, trial: Trial, instruction: str = "lift the cup", person: Person | None = None) -> Session:
        return assignments.open_session(
            person=person or self.dana,
            station=self.arena.station,
            instruction=instruction,
            trial=trial,
            now=timezone.now(),
        )

    def run(self, trial: Trial, times: int = 2) -> list[Session]:
        return [
            finish_session(self.open(trial, f"lift cup {number}"), notes=NOTES, preference=Preference.TIE)
            for number in range(times)
        ]

    def decide(self, trial: Trial, *, go: bool, comment: str = "", by: Person | None = None) -> Trial:
        return trials.decide(trial=trial, go=go, comment=comment, by=by or self.dana, now=timezone.now())

    def pool(self) -> str:
        return PolicyVersion.objects.get(pk=self.version.pk).pool


@pytest.fixture
def world(db: None) -> World:
    return World()


def code_of(call: Any, kind: type[ArenaError] = ArenaError) -> str:
    with pytest.raises(kind) as refused:
        call()
    return refused.value.code


def test_only_what_is_registered_for_a_trial_waits_for_one(world: World) -> None:
    assert world.pool() == POOL.TRIAL
    assert make_version(lab=world.arena.owners).pool == POOL.ACTIVE
    assert world.new_version("sim", lab=make_lab(simulated=True)).pool == POOL.ACTIVE
    with override_settings(TRIAL_SESSIONS=0):
        assert world.new_version("at once").pool == POOL.ACTIVE


def test_it_is_dealt_to_nobody(world: World) -> None:
    assert world.version.pk not in {one.version_id for one in assignments.candidates()}
    Policy.objects.filter(versions=world.version).update(practice=True)
    assert world.version.pk not in {one.version_id for one in assignments.candidates(training=True)}


@pytest.mark.parametrize("pool", [POOL.ACTIVE, POOL.PAUSED])
def test_nothing_but_a_trial_leads_into_the_pool(world: World, pool: PolicyVersion.Pool) -> None:
    assert code_of(lambda: policies.set_pool(version=world.version, pool=pool, by=world.alice)) == "trial_first"
    assert world.pool() == POOL.TRIAL


def test_a_version_is_never_put_before_its_trial_again(world: World) -> None:
    assert code_of(lambda: policies.set_pool(version=world.known[0], pool=POOL.TRIAL, by=world.alice)) == "bad_field"


@override_settings(TRIAL_SESSIONS=0)
def test_where_trials_were_switched_off_its_owner_puts_it_into_the_pool(world: World) -> None:
    waiting = world.version
    PolicyVersion.objects.filter(pk=waiting.pk).update(pool=POOL.TRIAL)
    assert code_of(world.ask) == "trials_off"
    policies.set_pool(version=waiting, pool=POOL.ACTIVE, by=world.alice)
    assert world.pool() == POOL.ACTIVE


def test_from_asking_to_go(world: World) -> None:
    trial = world.ask()
    assert trials.waiting_for(world.dana) == [trial]
    world.run(trial)
    decided = world.decide(trial, go=True, comment="calm and slow")
    assert (decided.state, decided.decided_by, decided.comment) == (Trial.State.GO, world.dana, "calm and slow")
    assert world.pool() == POOL.ACTIVE
    assert trials.waiting_for(world.dana) == []
    tags = AuditEvent.objects.filter(subject=world.version.label).order_by("id").values_list("tag", "lab")
    owners, host = world.arena.owners.pk, world.arena.lab.pk
    assert set(tags) >= {("trial:asked", owners), ("trial:go", host), ("policy:tried", owners)}


def test_a_go_needs_its_sessions_and_a_no_go_its_reason(world: World) -> None:
    trial = world.ask()
    world.run(trial, times=1)
    finish_session(world.open(trial, "one that does not count"), valid=False)
    world.open(trial, "one that is open")
    assert code_of(lambda: world.decide(trial, go=True)) == "trial_too_short"
    assert code_of(lambda: world.decide(trial, go=False, comment="  ")) == "comment_missing"
    world.decide(trial, go=False, comment="hit the table")
    assert world.pool() == POOL.TRIAL
    assert code_of(lambda: world.decide(trial, go=True)) == "trial_over"
    assert code_of(lambda: world.open(trial, "again")) == "trial_over"
    world.ask()  # another one may be asked for; what was decided stands beside it


def test_a_no_go_needs_no_session(world: World) -> None:
    assert world.decide(world.ask(), go=False, comment="too fast for our cell").state == Trial.State.NO_GO


def test_one_trial_waits_at_a_time_and_can_be_withdrawn(world: World) -> None:
    trial = world.ask()
    assert code_of(world.ask) == "trial_asked_already"
    trials.withdraw(trial=trial, by=world.alice, now=timezone.now())
    trials.withdraw(trial=trial, by=world.alice, now=timezone.now())
    assert AuditEvent.objects.filter(tag="trial:withdrawn").count() == 1
    assert code_of(lambda: world.decide(trial, go=False, comment="late")) == "trial_over"
    world.ask()


def test_retiring_it_withdraws_its_trial(world: World) -> None:
    trial = world.ask()
    assert (
        code_of(lambda: trials.set_pool(version=world.version, pool=POOL.ACTIVE, by=world.alice, now=timezone.now()))
        == "trial_first"
    )
    trial.refresh_from_db()
    assert trial.is_living
    trials.set_pool(version=world.version, pool=POOL.RETIRED, by=world.alice, now=timezone.now())
    trial.refresh_from_db()
    assert (trial.state, world.pool()) == (Trial.State.WITHDRAWN, POOL.RETIRED)


def test_only_labs_with_such_a_robot_are_asked(world: World) -> None:
    other = make_lab()
    make_station(lab=other, embodiment="UR5")
    assert list(trials.hosts_for(world.version)) == [world.arena.lab]
    assert code_of(lambda: world.ask(other)) == "host_unfit"
    stations.retire_station(station=world.arena.station, by=world.alice, now=timezone.now())
    assert code_of(world.ask) == "host_unfit"


def test_what_is_in_the_pool_is_not_tried(world: World) -> None:
    now = timezone.now()
    call = lambda: trials.ask(version=world.known[0], host=world.arena.lab, by=world.alice, now=now)  # noqa: E731
    assert code_of(call) == "no_trial_due"


def test_who_decides_is_of_the_host_and_no_owner(world: World) -> None:
    trial = world.ask()
    stranger = make_person("charlie@example.org", lab=make_lab(), role=Role.ADMIN)
    both = make_person("both@example.org", lab=world.arena.lab, role=Role.ADMIN)
    make_person("both@example.org", lab=world.arena.owners, role=Role.EVALUATOR)
    for person in (stranger, world.alice, both):
        refused = code_of(lambda person=person: world.decide(trial, go=False, comment="no", by=person), AccessDenied)
        assert refused == "not_the_host"


def test_a_lab_may_try_its_own_policy(world: World) -> None:
    station = make_station(lab=world.arena.owners)
    trial = world.ask(world.arena.owners)
    for number in range(2):
        session = assignments.open_session(
            person=world.alice, station=station, instruction=f"lift {number}", trial=trial, now=timezone.now()
        )
        finish_session(session)
    world.decide(trial, go=True, by=world.alice)
    assert world.pool() == POOL.ACTIVE


def test_what_was_decided_stands(world: World) -> None:
    trial = world.decide(world.ask(), go=False, comment="no")
    for change in ({"state": Trial.State.GO}, {"comment": "yes"}, {"version": world.known[0]}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Trial.objects.filter(pk=trial.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Trial.objects.filter(pk=trial.pk).delete()


def test_a_steward_waives_it_and_says_why(world: World) -> None:
    eve, trial, now = make_steward(), world.ask(), timezone.now()
    version = world.version
    assert code_of(lambda: trials.waive(version=version, comment="c", by=world.alice, now=now)) == "not_a_steward"
    assert code_of(lambda: trials.waive(version=version, comment=" ", by=eve, now=now)) == "comment_missing"
    trials.waive(version=version, comment="run for a year elsewhere", by=eve, now=now)
    trial.refresh_from_db()
    assert (world.pool(), trial.state) == (POOL.ACTIVE, Trial.State.WITHDRAWN)
    event = AuditEvent.objects.get(tag="policy:trial-waived")
    assert (event.person, event.details["comment"]) == (eve, "run for a year elsewhere")
    assert code_of(lambda: trials.waive(version=version, comment="again", by=eve, now=now)) == "no_trial_due"


def test_its_pair_is_the_version_and_a_known_policy(world: World) -> None:
    session = world.open(world.ask())
    assert session.training
    assert set(session.sides.values_list("version", flat=True)) == {world.version.pk, world.known[0].pk}
    assert (session.pair_probability, session.pool_size) == (0.5, 2)


def test_without_a_known_policy_it_is_on_both_sides() -> None:
    world = World(known=0)
    session = world.open(world.ask())
    assert set(session.sides.values_list("version", flat=True)) == {world.version.pk}
    assert (session.draw_kind, session.pair_probability) == (DrawKind.SAME_POLICY, 1.0)


def test_a_repeated_start_is_the_same_session(world: World) -> None:
    trial = world.ask()
    first = world.open(trial)
    assert world.open(trial) == first
    assert open_session(world.arena, first.instruction) != first


def test_it_runs_at_the_hosts_stations_that_fit_while_its_server_is_up(world: World) -> None:
    trial, now = world.ask(), timezone.now()
    elsewhere = make_arena()

    def at(person: Person, station: Any) -> Any:
        return lambda: assignments.open_session(
            person=person, station=station, instruction="lift", trial=trial, now=now
        )

    assert code_of(at(elsewhere.dana, elsewhere.station)) == "not_the_host"
    assert code_of(at(elsewhere.dana, world.arena.station)) == "not_a_member"
    assert code_of(at(world.dana, make_station(lab=world.arena.lab, embodiment="UR5"))) == "station_unfit"
    broken = EndpointCheck(reached=True, problem="no metadata")
    policies.record_endpoint_check(endpoint=world.version.endpoint, check=broken)
    assert code_of(at(world.dana, world.arena.station)) == "trial_server_down"


def test_a_sessions_trial_never_changes(world: World) -> None:
    session, ordinary = world.open(world.ask()), open_session(world.arena)
    for pk in (session.pk, ordinary.pk):
        other = None if pk == session.pk else session.trial
        with pytest.raises(DatabaseError), transaction.atomic():
            Session.objects.filter(pk=pk).update(trial=other)


def test_there_is_nothing_to_guess(world: World) -> None:
    session = world.open(world.ask())
    ended = sessions.submit(
        session=session,
        judgement=sessions.Judgement(Preference.TIE, "", valid=True),
        now=timezone.now(),
        veiled=True,
    )
    assert not ended.is_blind
    ordinary = open_session(world.arena)
    assert world.version.policy not in guesses.choices(ordinary)


def test_a_trial_teaches_no_newcomer_the_work(world: World) -> None:
    world.run(world.ask(), times=1)
    world.dana.refresh_from_db()
    assert world.dana.trained_at is None


PUBLIC = (
    "/", "/?board=overall", "/sessions", "/sessions?show=all", "/integrity", "/integrity/completion.csv",
    "/integrity/concentration.csv", "/method", "/stations", "/status", "/api/leaderboard",
    "/api/list_ab_evaluations", "/api/v1/public/sessions", "/api/v1/public/sessions?show=all",
    "/api/v1/public/integrity", "/api/v1/public/method", "/api/v1/public/leaderboard", "/api/v1/public/boards",
    "/api/v1/public/boards/overall/history",
)  # fmt: skip


def test_nothing_of_a_trial_is_published(world: World) -> None:
    finish_session(open_session(world.arena), video=b"video")
    entries = Entry.objects.count()
    before = _published(timezone.now())
    world.open(world.ask(), "left unfinished")
    trial = Trial.objects.get()
    ran = world.run(trial)
    sessions.abandon(session=world.open(trial, "given up"), now=timezone.now(), by=world.dana)
    after = _published(timezone.now())
    assert after["sums"] == before["sums"]
    told = [world.version.policy.slug, world.version.policy.name, NOTES, *(str(session.pk) for session in ran)]
    for path in PUBLIC:
        assert [text for text in told if text in after[path]] == [], path
    assert Entry.objects.count() == entries
    visitor = Client()
    for path in (f"/sessions/{ran[0].pk}", f"/api/v1/public/sessions/{ran[0].pk}"):
        assert visitor.get(path).status_code == 404
    slug, other = world.version.policy.slug, world.known[0].policy.slug
    for name in (slug, world.version.label):
        for path in (f"/compare/{name}/{other}", f"/compare/{other}/{name}", f"/api/v1/public/compare/{name}/{other}"):
            assert visitor.get(path).status_code == 404


def _text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.getvalue().decode()


def _published(now: datetime) -> dict[str, Any]:
    snapshots.recompute_all(now=now)
    visitor = Client()
    found: dict[str, Any] = {path: _text(visitor, path) for path in PUBLIC}
    inputs = Snapshot.objects.order_by("board", "-pk").distinct("board").values_list("board", "input_id")
    lists = [
        json.loads(_text(visitor, path)) for path in ("/api/list_ab_evaluations", "/api/v1/public/sessions?show=all")
    ]
    figures = [_text(visitor, path) for path in ("/integrity/completion.csv", "/integrity/concentration.csv")]
    found["sums"] = (list(inputs), lists, figures)
    return found


def test_its_owners_watch_their_own_side_once_it_has_ended(world: World) -> None:
    trial = world.ask()
    session = world.open(trial)
    mine = session.sides.get(version=world.version).label
    other = session.sides.exclude(version=world.version).get().label
    owner, host, stranger = Client(), Client(), Client()
    owner.force_login(make_person("bob@example.org", lab=world.arena.owners, role=Role.EVALUATOR))
    host.force_login(make_person("helen@example.org", lab=world.arena.lab, role=Role.EVALUATOR))
    stranger.force_login(make_person("charlie@example.org", lab=make_lab(), role=Role.ADMIN))
    Policy.objects.filter(versions__in=world.known).update(lab=stranger_lab(stranger))
    finish_session(session, video=b"a video")

    def answers(client: Client, label: str) -> int:
        answer = client.get(f"/sessions/{session.pk}/{label}/left.mp4")
        answer.getvalue()  # to its end, where it closes its file
        return answer.status_code

    assert [answers(owner, mine), answers(owner, other)] == [200, 404]
    for client in (host, stranger, Client()):
        assert [answers(client, mine), answers(client, other)] == [404, 404]
    evaluator = Client()
    evaluator.force_login(world.dana)
    assert [answers(evaluator, mine), answers(evaluator, other)] == [200, 200]
    assert owner.get(f"/sessions/{session.pk}").status_code == 404


def stranger_lab(client: Client) -> Lab:
    return Lab.objects.get(memberships__person=client.session["_auth_user_id"])


def test_its_owners_are_told_nothing_of_what_runs(world: World) -> None:
    session = world.open(world.ask())
    for label in ("A", "B"):
        upload_episode(session, label, video=b"a video")  # type: ignore[arg-type]
    owner = Client()
    owner.force_login(world.alice)
    for label in ("A", "B"):
        assert owner.get(f"/sessions/{session.pk}/{label}/left.mp4").status_code == 404
