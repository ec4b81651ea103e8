"""An exclusion is appealed against, and every read knows whether it stands."""

from typing import Any

import pytest
from django.core.cache import cache
from django.db import Error, transaction
from django.test import Client, override_settings
from django.utils import timezone

from arena.errors import AccessDenied, ArenaError, Conflict, NotFound
from arena.models import AuditEvent, Lab, Person, Role
from credits import ledger
from credits.models import Entry
from evaluations import appeals, sessions
from evaluations.desk import selectors as desk
from evaluations.models import EXCLUDED, Appeal, Session
from evaluations.requests import orders
from evaluations.scopes import REAL
from leaderboard import compare, inputs, integrity, noise, oddities, snapshots
from tests.factories import Arena, finish_session, make_lab, make_person, make_steward, open_session

TEXT = "The stake was declared, and the pair was drawn."
LIFTED = "The stake had ended before."


@pytest.fixture
def session(arena: Arena) -> Session:
    """An excluded one."""
    session = finish_session(open_session(arena))
    sessions.exclude(session=session, reason="stake", comment="the lab owns A", by=make_steward())
    return session


@pytest.fixture
def edna(db: None) -> Person:
    return make_steward("edna@example.org")


def appeal(session: Session, by: Person, text: str = TEXT) -> Appeal:
    return appeals.appeal(session=session, text=text, by=by, now=timezone.now())


def decide(made: Appeal, *, lift: bool, by: Person, comment: str = LIFTED) -> Appeal:
    return appeals.decide(appeal_id=made.pk, lift=lift, comment=comment, by=by, now=timezone.now())


def read(session: Session) -> Session:
    return Session.objects.with_exclusion().get(pk=session.pk)


def test_those_concerned_appeal_once(arena: Arena, session: Session) -> None:
    alice = make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)
    made = appeal(session, arena.dana)
    assert (made.state, list(appeals.waiting())) == (Appeal.State.OPEN, [made])
    with pytest.raises(Conflict):
        appeal(session, alice)
    assert AuditEvent.objects.filter(tag="exclusion:appealed").count() == 1


def test_an_owner_of_a_policy_is_concerned(arena: Arena, session: Session) -> None:
    assert appeal(session, make_person("alice@example.org", lab=arena.owners, role=Role.OWNER))


def test_others_are_not(arena: Arena, session: Session) -> None:
    for person in (
        make_person("bob@example.org", lab=arena.owners, role=Role.EVALUATOR),
        make_person("charlie@example.org", lab=make_lab(), role=Role.ADMIN),
    ):
        with pytest.raises(AccessDenied):
            appeal(session, person)


def test_there_must_be_an_exclusion_and_a_text(arena: Arena, session: Session) -> None:
    other = finish_session(open_session(arena, "another task"))
    with pytest.raises(NotFound):
        appeal(other, arena.dana)
    with pytest.raises(ArenaError):
        appeal(session, arena.dana, text="no")


def test_a_second_steward_decides(arena: Arena, session: Session, edna: Person) -> None:
    made = appeal(session, arena.dana)
    with pytest.raises(AccessDenied, match="Another steward"):
        decide(made, lift=False, by=Person.objects.get(email="eve@example.org"))
    with pytest.raises(AccessDenied):
        decide(made, lift=True, by=arena.dana)
    with pytest.raises(ArenaError):
        decide(made, lift=True, by=edna, comment="")
    decided = decide(made, lift=True, by=edna)
    assert (decided.state, decided.decided_by) == (Appeal.State.LIFTED, edna)
    assert decide(made, lift=True, by=edna, comment="again").comment == LIFTED
    with pytest.raises(Conflict):
        decide(made, lift=False, by=edna)


def test_nobody_decides_on_their_own_appeal(arena: Arena, session: Session) -> None:
    arena.dana.is_staff = True
    arena.dana.save()
    with pytest.raises(AccessDenied, match="Another steward"):
        decide(appeal(session, arena.dana), lift=True, by=arena.dana)


def test_an_appeal_and_its_decision_are_kept(arena: Arena, session: Session, edna: Person) -> None:
    made = appeal(session, arena.dana)
    rows = Appeal.objects.filter(pk=made.pk)
    for change in (lambda: rows.update(text="another text"), rows.delete):
        with pytest.raises(Error, match="Cannot"), transaction.atomic():
            change()
    decide(made, lift=True, by=edna)
    with pytest.raises(Error, match="Cannot"), transaction.atomic():
        rows.update(state=Appeal.State.UPHELD)


def test_one_that_was_lifted_is_not_excluded_again(arena: Arena, session: Session, edna: Person) -> None:
    decide(appeal(session, arena.dana), lift=True, by=edna)
    with pytest.raises(Conflict, match="lifted"):
        sessions.exclude(session=session, reason="stake", comment="once more", by=edna)


def balance(lab: Lab) -> int:
    return ledger.account_of(lab).balance


def test_the_lab_gets_back_what_was_taken_and_the_owner_keeps_the_refund(arena: Arena, edna: Person) -> None:
    alice = make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)
    ledger.earn(lab=arena.owners, amount=5, key="welcome")
    orders.place(version=arena.versions[0], wanted=1, by=alice, now=timezone.now())
    with override_settings(REQUESTED_SHARE=1.0):
        session = finish_session(open_session(arena))
    assert session.requested
    earned, left = balance(arena.lab), balance(arena.owners)
    sessions.exclude(session=session, reason="stake", comment="the lab owns A", by=make_steward())
    assert (balance(arena.lab), balance(arena.owners)) == (0, left + 1)
    decide(appeal(session, arena.dana), lift=True, by=edna, comment="A long word about it.\n" * 50)
    assert (balance(arena.lab), balance(arena.owners)) == (earned, left + 1)
    assert Entry.objects.filter(key=f"session:{session.pk}:reward:restored").count() == 1


def test_what_a_lifted_exclusion_gave_back_can_be_taken_again(arena: Arena, session: Session) -> None:
    """And each time once, whoever repeats it."""
    eve = session.exclusion.person
    for left in (0, 0, 2, 2, 0, 2):
        move = orders.restore if left else orders.undo
        move(session=session, reason="scene", by=eve)
        assert balance(arena.lab) == left


# Every read: while it is excluded, while an appeal waits, where it was upheld, and where it was lifted

STATES = ["excluded", "open", "upheld", "lifted"]


@pytest.fixture(params=STATES)
def counts(request: pytest.FixtureRequest, arena: Arena, session: Session, edna: Person) -> bool:
    """Whether the session counts."""
    if request.param != "excluded":
        made = appeal(session, arena.dana)
        if request.param != "open":
            decide(made, lift=request.param == "lifted", by=edna)
    cache.clear()
    return bool(request.param == "lifted")


def test_the_rows_and_the_queries_say_the_same(session: Session, counts: bool) -> None:
    row = read(session)
    assert (row.standing_exclusion is None) == counts
    assert (row.lifted_exclusion is not None) == counts
    assert Session.objects.not_excluded().filter(pk=session.pk).exists() == counts
    assert Session.objects.filter(EXCLUDED, pk=session.pk).exists() != counts


def test_a_board_counts_it(session: Session, counts: bool) -> None:
    left_out = inputs.canonical(REAL).decode().splitlines()[1].rpartition(",")[2]
    assert left_out == ("" if counts else inputs.EXCLUDED_BY_STEWARD)
    (snapshot,) = snapshots.recompute_all(now=timezone.now())
    assert snapshot.counted == counts


def test_a_comparison_counts_it(session: Session, counts: bool) -> None:
    first, second = (side.version for side in session.sides.all())
    assert len(compare.compare(first, second).met) == counts


def test_oddities_count_it(session: Session, counts: bool) -> None:
    (row,) = oddities._rows(REAL)
    assert row["valid"] == counts


def test_the_noise_counts_it(session: Session, counts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(noise, "_repeats", lambda pairs: asked)
    monkeypatch.setattr(noise, "_asked_again", lambda readings, scope: asked.extend(1 for _ in readings))
    noise.measure(REAL)
    assert len(asked) == counts


def test_integrity_counts_it(session: Session, counts: bool) -> None:
    facts = integrity.measure(REAL, now=timezone.now())
    assert (facts.counted, facts.excluded_in_all) == (int(counts), int(not counts))
    (published,) = facts.excluded
    assert published.lifted == (LIFTED if counts else "")


def test_the_desk_tells_it(arena: Arena, session: Session, counts: bool) -> None:
    policy = session.sides.get(label="A").version.policy
    (row,) = desk.results(policy)
    assert row["excluded"] == ("" if counts else "stake")


def answer(client: Client, path: str) -> dict[str, Any]:
    told: dict[str, Any] = client.get(path).json()
    return told


def test_the_api_tells_it(client: Client, session: Session, counts: bool) -> None:
    told = answer(client, f"/api/v1/public/sessions/{session.pk}")
    assert (told["exclusion"] is None) == counts
    assert (told["lifted_exclusion"] or {}).get("lifted_because") == (LIFTED if counts else None)
    kept = answer(client, "/api/v1/public/integrity?board=overall")["exclusions"]
    assert (kept["counted"], kept["by_stewards"][0]["lifted"]) == (int(counts), LIFTED if counts else "")


def test_the_pages_tell_both_reasons(client: Client, session: Session, counts: bool) -> None:
    page = client.get(f"/sessions/{session.pk}").content.decode()
    assert "the lab owns A" in page
    assert ("was excluded, and the exclusion was lifted" in page) == counts
    assert LIFTED in page or not counts
    listed = client.get("/sessions?show=all").content.decode()
    assert (">excluded<" in listed) != counts
    told = client.get("/integrity?board=overall").content.decode()
    assert "the lab owns A" in told
    assert (LIFTED in told) == counts


def test_their_evaluators_lists_tell_it(client: Client, arena: Arena, session: Session, counts: bool) -> None:
    client.force_login(arena.dana)
    for path in ("/lab", "/account/history"):
        assert (">excluded<" in client.get(path).content.decode()) != counts
