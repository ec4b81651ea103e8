"""The statement: page, CSV, API, and a steward's grant."""

import csv
import io
import re
import uuid

import pytest
from django.test import Client

from arena.models import Lab, Person, Role
from credits import ledger
from credits.models import Entry
from tests.factories import make_lab, make_person, make_steward

pytestmark = pytest.mark.django_db


@pytest.fixture
def lab() -> Lab:
    lab = make_lab("Clever hands")
    ledger.earn(lab=lab, amount=20, key=f"lab:{lab.pk}:welcome", kind=Entry.Kind.WELCOME)
    ledger.earn(lab=lab, amount=2, key="session:6a2e4f66-0000-4000-8000-000000000000:reward")
    ledger.hold(lab=lab, amount=5, purpose="request:6a2e4f66-0000-4000-8000-000000000001", comment="5 evaluations")
    return lab


@pytest.fixture
def alice(lab: Lab) -> Person:
    return make_person("alice@example.org", lab=lab, role=Role.EVALUATOR)


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_the_statement_says_why(lab: Lab, alice: Person) -> None:
    page = signed_in(alice).get(f"/lab/{lab.slug}/credits").content.decode()
    assert 'href="/sessions/6a2e4f66-0000-4000-8000-000000000000">Earned by a valid session' in page
    assert 'href="/requests/6a2e4f66-0000-4000-8000-000000000001">Held for a request' in page
    assert "5 evaluations" in page
    assert "<strong>17</strong>" in page
    assert "Grant credits" not in page


def test_credits_leads_to_ones_lab(lab: Lab, alice: Person) -> None:
    assert signed_in(alice).get("/credits").headers["Location"] == f"/lab/{lab.slug}/credits"
    second = make_lab("Second hands")
    second.memberships.create(person=alice, role=Role.OWNER)
    page = signed_in(alice).get("/credits").content.decode()
    assert "Clever hands" in page
    assert "Second hands" in page


def test_the_table_reads_from_the_first_line_on(lab: Lab, alice: Person) -> None:
    eve = make_steward()
    ledger.grant(lab=lab, amount=3, comment="=1+1", key="manual:1", by=eve)
    answer = signed_in(alice).get(f"/lab/{lab.slug}/credits.csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [(row["kind"], row["amount"], row["balance"]) for row in rows] == [
        ("welcome", "20", "20"),
        ("earned", "2", "22"),
        ("held", "-5", "17"),
        ("manual", "3", "20"),
    ]
    assert rows[-1]["comment"] == "'=1+1"


def test_a_double_click_grants_once(lab: Lab) -> None:
    eve = signed_in(make_steward())
    sent = {"amount": 4, "comment": "for the workshop", "once": uuid.uuid4()}
    for _ in range(2):
        assert eve.post(f"/lab/{lab.slug}/credits/grant", sent).status_code == 302
    assert ledger.account_of(lab).balance == 21


def test_a_grant_without_a_reason_is_refused_in_words(lab: Lab) -> None:
    answer = signed_in(make_steward()).post(f"/lab/{lab.slug}/credits/grant", {"amount": 4, "once": uuid.uuid4()})
    assert answer.status_code == 400
    assert "This field is required" in answer.content.decode()
    assert ledger.account_of(lab).balance == 17


def test_what_is_held_says_nothing_about_who_just_evaluated(lab: Lab, alice: Person) -> None:
    """An evaluation that is spent leaves the figures as they were, until the request has ended."""
    client, at = signed_in(alice), f"/api/v1/labs/{lab.slug}/credits"
    before = client.get(at).json()
    assert (before["balance"], before["held"]) == (17, 5)
    ledger.spend(purpose="request:6a2e4f66-0000-4000-8000-000000000001", key="session:x:spent")
    assert client.get(at).json() == before


def test_programs_read_the_statement(lab: Lab, alice: Person) -> None:
    found = signed_in(alice).get(f"/api/v1/labs/{lab.slug}/credits/entries?page_size=1").json()
    assert found["count"] == 3
    (latest,) = found["results"]
    assert (latest["kind"], latest["amount"], latest["balance"]) == ("held", -5, 17)


def test_the_statement_takes_as_many_queries_for_a_hundred_lines(
    lab: Lab, alice: Person, django_assert_max_num_queries: object
) -> None:
    client = signed_in(alice)
    for number in range(100):
        ledger.earn(lab=lab, amount=1, key=f"session:{number}:reward")
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        client.get(f"/lab/{lab.slug}/credits")


def test_stewards_read_the_ledger_without_what_would_name_a_policy(lab: Lab) -> None:
    """What is spent of a hold moves when a session ends, before its evaluator is told who it was."""
    eve = signed_in(make_steward())
    pages = ("/staff/credits/account/", "/staff/credits/entry/", "/staff/credits/debt/")

    def told() -> list[list[str]]:
        return [re.findall(r'<t[dh] class="field-[^>]*>.*?</t[dh]>', eve.get(page).content.decode()) for page in pages]

    before = told()
    assert any("welcome" in cell for cell in before[1])
    ledger.spend(purpose="request:6a2e4f66-0000-4000-8000-000000000001", key="session:x:spent")
    assert told() == before
    entry = Entry.objects.get(key="session:x:spent")
    assert eve.get(f"/staff/credits/entry/{entry.pk}/change/").status_code == 302  # there is no such entry here
