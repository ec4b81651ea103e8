"""Labs with a stake in a single policy."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from arena import affiliations, stakes
from arena.errors import ArenaError
from arena.models import AuditEvent, PolicyStake, Role
from credits import ledger
from evaluations import conflicts
from evaluations.models import Exclusion
from tests.factories import Arena, finish_session, make_lab, make_person, make_steward, make_version, open_session

pytestmark = pytest.mark.django_db


def met(arena: Arena, number: int) -> set[int]:
    return {side.version_id for side in open_session(arena, f"task {number}").sides.all()}


def test_a_lab_with_a_stake_is_not_dealt_the_policy_or_any_version_of_it(arena: Arena) -> None:
    alice = make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)
    policy = arena.versions[0].policy
    newer = make_version(policy.name, lab=arena.owners, version="2")
    stake = stakes.declare(policy=policy, lab=arena.lab, by=alice, comment="a student in both")
    assert stakes.declare(policy=policy, lab=arena.lab, by=alice) == stake
    barred = {arena.versions[0].pk, newer.pk}
    assert all(not met(arena, number) & barred for number in range(15))
    eve = make_steward()
    for _ in range(2):
        stakes.end(policy=policy, stake_id=stake.pk, by=eve)
    assert any(met(arena, number) & barred for number in range(15, 40))
    assert AuditEvent.objects.filter(tag="stake:ended").count() == 1


def test_the_owner_has_no_further_stake(arena: Arena) -> None:
    with pytest.raises(ArenaError, match="owns"):
        stakes.declare(policy=arena.versions[0].policy, lab=arena.owners, by=make_steward())


def test_owners_declare_and_stewards_end(arena: Arena) -> None:
    policy = arena.versions[0].policy
    alice, eve = Client(), Client()
    alice.force_login(make_person("alice@example.org", lab=arena.owners, role=Role.OWNER))
    eve.force_login(make_steward())
    at = f"/policies/{policy.slug}/stakes"
    assert alice.post(at, {"lab": arena.lab.slug, "comment": "shared people"}).status_code == 302
    stake = PolicyStake.objects.get()
    page = alice.get(at).content.decode()
    assert "shared people" in page
    assert "End" not in page
    assert alice.post(f"{at}/{stake.pk}/end").status_code == 403
    assert eve.post(f"{at}/{stake.pk}/end").status_code == 302
    stake.refresh_from_db()
    assert stake.ended_at is not None


@pytest.mark.parametrize("kind", ["affiliation", "stake", "another lab's"])
def test_a_stake_that_is_found_later_takes_sessions_off_the_boards(arena: Arena, kind: str) -> None:
    eve = make_steward()
    session = finish_session(open_session(arena))
    assert list(conflicts.found()) == []
    side = session.sides.get(label="A")
    match kind:
        case "affiliation":
            affiliations.declare(lab=arena.lab, other=arena.owners, by=eve)
        case "stake":
            stakes.declare(policy=side.version.policy, lab=arena.lab, by=eve)
        case "another lab's":
            second = make_lab()
            long_ago = session.opened_at - timedelta(days=9)
            second.memberships.create(person=arena.dana, role=Role.EVALUATOR, created_at=long_ago)
            affiliations.declare(lab=second, other=arena.owners, by=eve)
    assert list(conflicts.found()) == [session]
    call_command("exclude_conflicts", steward=eve.email)
    assert Exclusion.objects.get(session=session).reason == conflicts.REASON
    assert list(conflicts.found()) == []
    assert ledger.account_of(arena.lab).balance == 0


def test_who_joins_the_owners_later_had_no_stake_then(arena: Arena) -> None:
    finish_session(open_session(arena))
    arena.owners.memberships.create(person=arena.dana, role=Role.EVALUATOR)
    assert list(conflicts.found()) == []


def test_a_labs_sessions_are_excluded_from_a_day_on(arena: Arena) -> None:
    eve = make_steward()
    session = finish_session(open_session(arena))
    day = timezone.now().date()
    other = make_lab()
    call_command("exclude_lab", other.slug, since=f"{day}", comment="not theirs", steward=eve.email)
    assert not Exclusion.objects.exists()
    call_command("exclude_lab", arena.lab.slug, since=f"{day}", comment="three in four given up", steward=eve.email)
    assert Exclusion.objects.get().session == session
