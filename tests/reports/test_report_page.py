"""The page of a report: evidence first, then claims whose sessions play in place; and how it is waited for."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from arena.models import Person, PolicyVersion, Role
from evaluations import sessions
from reports import policy_reports, work
from reports.evidence.reading import counted_sessions
from reports.models import PolicyReport, Work
from reports.writing import writing
from tests.factories import Arena, make_arena, make_person, make_steward
from tests.reports.written import play, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def arena() -> Arena:
    made = make_arena(policies_in_pool=2)
    for number in range(8):
        play(made, f"put block {number} on the plate")
    return made


@pytest.fixture
def charlie(arena: Arena) -> Person:
    return make_person("charlie@example.org", lab=arena.owners, role=Role.OWNER)


def address(version: PolicyVersion, other: PolicyVersion | None = None) -> str:
    return f"/compare/{version.label}/{other.label}/report" if other else f"/versions/{version.label}/report"


def read(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def test_evidence_stands_before_words_and_each_leads_to_the_other(arena: Arena, client: Client) -> None:
    report = write(arena.versions[0])
    page = read(client, address(arena.versions[0]))
    assert page.index("All sessions") < page.index('id="words-title"') < page.index("What was checked")
    assert "written from templates" in page
    assert "8 sessions counted" in page
    assert report is not None
    for item in report.evidence["items"]:
        assert f'<tr id="{item["id"]}"' in page
    for claim in report.claims:
        assert all(f'href="#{one}"' in page for one in claim["evidence"])
        assert all(f'hx-get="/sessions/{one["session"]}/cited' in page for one in claim["citations"])


def test_what_is_certain_and_what_is_a_hint_is_said(arena: Arena, client: Client) -> None:
    write(arena.versions[0])
    page = read(client, address(arena.versions[0]))
    assert "wins more than it loses" in page
    assert "beyond chance" in page
    assert page.count('mark-certain">certain') > 1


def test_an_earlier_report_is_read_by_its_number(arena: Arena, client: Client) -> None:
    version = arena.versions[0]
    write(version)
    play(arena, "fold the towel")
    write(version)
    latest, first = read(client, address(version)), read(client, f"{address(version)}?number=1")
    assert "What changed since report 1" in latest
    assert "9 sessions counted" in latest
    assert "This is an earlier report" in first
    assert "8 sessions counted" in first
    for number in ("3", "x", "0", "-1", "9" * 30):
        assert client.get(f"{address(version)}?number={number}").status_code == 404


def test_a_cited_session_that_was_excluded_since_is_said(arena: Arena, client: Client) -> None:
    report = write(arena.versions[0])
    assert report is not None
    cited = report.claims[0]["citations"][0]["session"]
    excluded = arena.versions[0].sides.get(session=cited).session
    assert "excluded since" not in read(client, address(arena.versions[0]))
    sessions.exclude(session=excluded, reason="scene", comment="the cup was moved", by=make_steward())
    assert "excluded since" in read(client, address(arena.versions[0]))
    assert "A steward excluded this session" in read(client, f"/sessions/{cited}/cited")


def test_the_number_of_dropped_claims_is_told_with_the_reasons(arena: Arena, client: Client) -> None:
    write(arena.versions[0])
    report = PolicyReport.objects.get()
    report.pk, report.number, report.repaired = uuid.uuid4(), 2, 1
    report.dropped = {"contradicted": 2, "number": 1}
    report.save(force_insert=True)
    page = read(client, address(arena.versions[0]))
    assert "3 claims were written and not published" in page
    assert "said of a session what its record does not show" in page
    assert "1 held after the writer had mended it" in page


def test_before_there_is_one_the_page_says_when_it_comes(client: Client) -> None:
    arena = make_arena(policies_in_pool=2)
    play(arena, "put the cup on the plate")
    page = read(client, address(arena.versions[0]))
    assert "No report yet." in page
    assert "once 5 sessions count; 1 do" in page


def test_a_report_that_waits_says_for_what(arena: Arena, client: Client) -> None:
    version, now = arena.versions[0], timezone.now()
    earlier = work.ask(kind=Work.Kind.WRITE_REPORT, subject="another@1", now=now - timedelta(minutes=1))
    piece = work.ask(kind=Work.Kind.WRITE_REPORT, subject=version.label, now=now)
    assert "1 in line before it" in read(client, address(version))
    taken = work.take(work_id=piece.pk, now=now)
    assert taken is not None
    assert "report is being written" in read(client, address(version))
    reason = "waiting for vllm since 14:02 UTC: it does not answer"
    work.postpone(taken, until=now + timedelta(minutes=1), reason=reason, waits_for="vllm")
    assert "Waiting for vllm since 14:02 UTC" in read(client, address(version))
    work.skip(work=earlier, by=make_steward(), comment="no", now=now)
    taken = work.take(work_id=piece.pk, now=now + timedelta(minutes=2))
    assert taken is not None
    work.fail(taken, now=now, reason="It answers with nothing that fits.")
    page = read(client, address(version))
    assert "It answers with nothing that fits." in page
    assert "hx-trigger" not in page.partition('id="report-waiting"')[2].partition("</section>")[0]


def test_an_owner_has_one_written(arena: Arena, client: Client, charlie: Person) -> None:
    first, second = arena.versions
    assert "Write it now" not in read(client, address(first, second))
    client.force_login(charlie)
    assert "Write it now" in read(client, address(first, second))
    answer = client.post(f"{address(first, second)}/ask")
    assert (answer.status_code, answer.headers["Location"]) == (302, address(first, second))
    piece = Work.objects.get(kind=Work.Kind.WRITE_REPORT)
    writing.do(work_id=piece.pk, now=timezone.now())
    page = read(client, address(first, second))
    assert "report 1," in page
    assert "What is certified of the two" in page
    client.post(f"{address(first, second)}/ask")
    assert "The report knows all sessions that count." in read(client, address(first, second))


def test_a_version_is_not_compared_with_itself(arena: Arena, client: Client) -> None:
    assert client.get(address(arena.versions[0], arena.versions[0])).status_code == 404


def test_the_page_is_read_in_a_fixed_number_of_queries(
    arena: Arena, client: Client, django_assert_max_num_queries: Any
) -> None:
    write(arena.versions[0])
    with django_assert_max_num_queries(8):
        client.get(address(arena.versions[0]))


def test_the_moment_of_a_failure_is_where_it_plays(arena: Arena, client: Client) -> None:
    session = play(arena, "one more")
    assert 'data-start="12.5"' in read(client, f"/sessions/{session.pk}/cited?at=12.5")
    for strange in ("", "?at=", "?at=nan", "?at=-1", "?at=x", "?at=1e99"):
        assert "data-start" not in read(client, f"/sessions/{session.pk}/cited{strange}")


def test_where_nothing_counts_any_more_none_is_asked_for_again_and_again(arena: Arena) -> None:
    first, second = arena.versions
    write(first, second)
    eve = make_steward()
    for session in counted_sessions(first, second):
        with transaction.atomic():
            sessions.exclude(session=session, reason="scene", comment="moved", by=eve)
    assert policy_reports.find(now=timezone.now()) == 0
