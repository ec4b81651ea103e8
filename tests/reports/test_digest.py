"""Owners hear once a week which reports are new."""

from datetime import UTC, datetime, timedelta

import pytest

from arena import notices
from arena.models import Notice, NoticeKind, Person, PolicyVersion, Role
from reports import digest
from reports.models import PolicyReport
from tests.factories import Arena, make_arena, make_person

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 3, 9, tzinfo=UTC)


@pytest.fixture
def alice(arena: Arena) -> Person:
    return make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)


def report(version: PolicyVersion, at: datetime, number: int = 1) -> PolicyReport:
    change = {"words": "Tool Use", "figure": "win share", "before": 0.4, "now": 0.6}
    return PolicyReport.objects.create(
        version=version, number=number, made_at=at, sessions=12, evidence={}, provider="builtin", prompt_version="t",
        claims=[{"text": f"It won {number} of them."}], changes=[change],
    )  # fmt: skip


def test_the_reports_of_the_week_are_told_once(arena: Arena, alice: Person) -> None:
    make_person("bob@example.org", lab=arena.owners, role=Role.EVALUATOR)
    first, second, third = arena.versions
    report(first, MONDAY - timedelta(days=3))
    report(first, MONDAY - timedelta(days=2), number=2)
    report(second, MONDAY - timedelta(days=7))
    report(third, MONDAY - timedelta(days=7, seconds=1))
    assert digest.write(now=MONDAY - timedelta(seconds=1)) == 1  # the week before
    assert digest.write(now=MONDAY) == 1
    assert digest.write(now=MONDAY + timedelta(days=6)) == 0
    told = Notice.objects.get(key__contains=f"{MONDAY:%Y-%m-%d}")
    assert (told.person, told.kind, told.subject) == (alice, NoticeKind.REPORT_DIGEST, "2 new reports on your policies")
    assert "It won 2 of them." in told.text
    assert "It won 1 of them." in told.text
    assert "Tool Use: win share 40% before, 60% now" in told.text
    assert third.label not in told.text


def test_nobody_hears_of_the_policies_of_others(arena: Arena, alice: Person) -> None:
    other = make_arena(policies_in_pool=1)
    make_person("charlie@example.org", lab=other.owners, role=Role.OWNER)
    report(arena.versions[0], MONDAY - timedelta(days=1))
    digest.write(now=MONDAY)
    assert [one.person for one in Notice.objects.all()] == [alice]


def test_it_can_be_switched_off() -> None:
    assert NoticeKind.REPORT_DIGEST in notices.CAN_BE_SWITCHED_OFF
