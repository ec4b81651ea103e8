from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from arena import affiliations, applications
from arena.applications import TERMS_VERSION, ApplicationText
from arena.errors import AccessDenied, ArenaError, Conflict
from arena.models import Application, AuditEvent, Lab, Notice, Person, Role
from tests.arena.conftest import Cast, as_person
from tests.factories import make_lab

NOW = timezone.now()


@pytest.fixture
def frank(db: None) -> Person:
    return Person.objects.create_user("frank@example.org", name="Frank")


def text(**changes: Any) -> ApplicationText:
    return ApplicationText(**{"lab_name": "Frank's Lab", "about": "We are three.", "robots": "One DROID.", **changes})


def apply(person: Person, **changes: Any) -> Application:
    return applications.apply(person=person, text=text(**changes), terms=TERMS_VERSION, now=NOW)


def typed(**changes: Any) -> dict[str, Any]:
    return {
        "lab_name": "Frank's Lab",
        "about": "We are three.",
        "robots": "One DROID.",
        "protocol": "on",
        "licence": "on",
        "privacy": "on",
        "terms": TERMS_VERSION,
        **changes,
    }


def test_an_approved_lab_has_the_applicant_as_admin_and_its_affiliations(cast: Cast, frank: Person) -> None:
    application = apply(frank, affiliated_labs=[cast.owners])
    decided = applications.approve(application_id=application.pk, by=cast.eve, now=NOW, comment="Welcome.")
    lab = Lab.objects.get(name="Frank's Lab")
    assert decided.lab == lab
    assert lab.memberships.get().role == Role.ADMIN
    assert lab.memberships.get().person == frank
    assert affiliations.barred_labs([lab.pk]) == {cast.owners.pk}
    assert decided.terms == TERMS_VERSION
    told = Notice.objects.get(person=frank)
    assert "approved" in told.subject
    assert "Welcome." in told.text


def test_a_repeat_of_a_decision_changes_nothing_and_another_is_told(cast: Cast, frank: Person) -> None:
    application = apply(frank)
    for _ in range(2):
        applications.approve(application_id=application.pk, by=cast.eve, now=NOW)
    with pytest.raises(Conflict) as caught:
        applications.decline(application_id=application.pk, by=cast.eve, now=NOW, comment="no")
    assert caught.value.code == "application_decided"
    assert Lab.objects.filter(name="Frank's Lab").count() == 1
    assert Notice.objects.filter(person=frank).count() == 1
    assert AuditEvent.objects.filter(tag="application:approved").count() == 1


def test_who_is_declined_is_told_why_and_may_apply_again(cast: Cast, frank: Person) -> None:
    application = apply(frank)
    with pytest.raises(ArenaError, match="comment"):
        applications.decline(application_id=application.pk, by=cast.eve, now=NOW, comment=" ")
    applications.decline(application_id=application.pk, by=cast.eve, now=NOW, comment="Who are you?")
    assert "Who are you?" in Notice.objects.get(person=frank).text
    assert not Lab.objects.filter(name="Frank's Lab").exists()
    page = as_person(frank).get("/join").content.decode()
    assert "Who are you?" in page
    assert "Apply again" in page
    assert apply(frank).state == Application.State.PENDING


def test_one_application_waits_at_a_time(cast: Cast, frank: Person) -> None:
    apply(frank)
    with pytest.raises(Conflict) as caught:
        apply(frank, lab_name="Another")
    assert caught.value.code == "application_pending"
    assert Application.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lab_name": " "}, "bad_name"),
        ({"lab_name": "OWNERS"}, "lab_exists"),
        ({"about": " "}, "bad_field"),
        ({"robots": ""}, "bad_field"),
        ({"about": "x" * 2001}, "bad_field"),
        ({"about": "a\x00b"}, "bad_field"),
        ({"website": "javascript:alert(1)"}, "bad_field"),
    ],
)
def test_what_cannot_be_applied_with(cast: Cast, frank: Person, changes: dict[str, str], code: str) -> None:
    with pytest.raises(ArenaError) as caught:
        apply(frank, **changes)
    assert caught.value.code == code


def test_terms_that_have_changed_meanwhile_are_not_agreed_to(cast: Cast, frank: Person) -> None:
    with pytest.raises(Conflict) as caught:
        applications.apply(person=frank, text=text(), terms="2020-01", now=NOW)
    assert caught.value.code == "terms_changed"


def test_a_name_that_was_taken_meanwhile_makes_no_half_lab(cast: Cast, frank: Person) -> None:
    application = apply(frank)
    make_lab("Frank's Lab")
    with pytest.raises(Conflict):
        applications.approve(application_id=application.pk, by=cast.eve, now=NOW)
    application.refresh_from_db()
    assert application.state == Application.State.PENDING
    page = as_person(cast.eve).post(f"/review/applications/{application.pk}/decide", {"decision": "approve"})
    assert page.status_code == 400
    assert "There is a lab named" in page.content.decode()


def test_only_stewards_decide(cast: Cast, frank: Person) -> None:
    application = apply(frank)
    with pytest.raises(AccessDenied):
        applications.approve(application_id=application.pk, by=cast.alice, now=NOW)
    paths = ("/review/applications", f"/review/applications/{application.pk}")
    for path in paths:
        assert Client().get(path).status_code == 302
        for person in (frank, cast.alice, cast.dana):
            assert as_person(person).get(path).status_code == 403
        assert as_person(cast.eve).get(path).status_code == 200
    decide = f"{paths[1]}/decide"
    assert as_person(cast.alice).post(decide, {"decision": "approve"}).status_code == 403
    for undecided in ({}, {"decision": "nonsense"}):
        page = as_person(cast.eve).post(decide, undecided)
        assert page.status_code == 400
        assert "Say whether the lab is approved or declined." in page.content.decode()
    assert as_person(cast.eve).post(decide, {"decision": "approve"}).status_code == 302
    application.refresh_from_db()
    assert application.state == Application.State.APPROVED


def test_stewards_are_told_of_an_application_and_of_no_other(cast: Cast, frank: Person) -> None:
    apply(frank)
    assert [notice.person for notice in Notice.objects.all()] == [cast.eve]


def test_the_page_keeps_what_was_typed_and_says_what_is_missing(cast: Cast, frank: Person) -> None:
    client = as_person(frank)
    answer = client.post("/join", typed(about="Unusual words", robots="", licence=""))
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Unusual words" in page
    assert 'id="id_robots_error"' in page
    assert 'id="id_licence_error"' in page
    assert not Application.objects.exists()
    answer = client.post("/join", typed(affiliated_labs=[cast.owners.pk], website="frank.example"))
    assert answer.status_code == 302
    application = Application.objects.get()
    assert list(application.affiliated_labs.all()) == [cast.owners]
    assert application.website == "https://frank.example"
    assert "waiting for a steward" in client.get("/join").content.decode()


def test_only_labs_that_own_policies_can_be_chosen(cast: Cast, frank: Person) -> None:
    page = as_person(frank).get("/join").content.decode()
    assert "Owners" in page
    assert "Others" not in page.replace("Others who build policies", "")
    assert as_person(frank).post("/join", typed(affiliated_labs=[cast.others.pk])).status_code == 400


def test_a_second_one_from_the_page_is_refused(cast: Cast, frank: Person) -> None:
    client = as_person(frank)
    assert client.post("/join", typed()).status_code == 302
    page = client.post("/join", typed(lab_name="Second")).content.decode()
    assert "waiting for a steward" in page
    assert "Send the application" not in page
    assert Application.objects.count() == 1


def test_a_visitor_is_told_what_it_is_about(client: Client, db: None) -> None:
    page = client.get("/join").content.decode()
    assert "/sign-up?next=/join" in page
    assert TERMS_VERSION in client.get("/join/terms").content.decode()
    assert client.post("/join", typed()).status_code == 200
    assert not Application.objects.exists()


def test_the_queue_does_not_cost_more_for_more_applications(
    cast: Cast, frank: Person, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        person = Person.objects.create_user(f"p{number}@example.org")
        application = apply(person, lab_name=f"Lab of {number}")
        if number % 2:
            later = NOW + timedelta(minutes=number)
            applications.decline(application_id=application.pk, by=cast.eve, now=later, comment="no")
    client = as_person(cast.eve)
    with django_assert_max_num_queries(13):  # five of them count what waits elsewhere
        client.get("/review/applications")
