"""The forms of those who say something, and the stewards' pages."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from arena.models import Role
from evaluations import appeals, session_reports, sessions
from evaluations.models import Appeal, Exclusion, Report, Session
from tests.factories import Arena, finish_session, make_lab, make_person, make_steward, open_session

TEXT = "The cup stands elsewhere in the second video."


@pytest.fixture
def session(arena: Arena) -> Session:
    return finish_session(open_session(arena))


def kinds_offered(client: Client, path: str) -> list[str]:
    return re.findall(r'<option value="(\w+)"', client.get(path).content.decode())


def test_a_visitor_reports_without_account(client: Client, session: Session) -> None:
    path = f"/sessions/{session.pk}/report"
    assert f'action="{path}"' in client.get(f"/sessions/{session.pk}").content.decode()
    answer = client.post(path, {"kind": "scene", "text": TEXT}, follow=True)
    assert "Your report is kept" in answer.content.decode()
    assert Report.objects.get().text == TEXT


def test_a_form_of_another_site_is_refused(session: Session) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(f"/sessions/{session.pk}/report", {"kind": "scene", "text": TEXT}).status_code == 403


def test_what_is_wanting_is_said_at_the_form(client: Client, session: Session) -> None:
    path = f"/sessions/{session.pk}/report"
    for kind, text in (("", TEXT), ("scene", "short"), ("serving", TEXT), ("scene", "x" * 2001)):
        answer = client.post(path, {"kind": kind, "text": text})
        assert (answer.status_code, 'role="alert"' in answer.content.decode()) == (400, True)
    assert not Report.objects.exists()


def test_too_many_reports_from_one_address(client: Client, session: Session) -> None:
    path, said = f"/sessions/{session.pk}/report", {"kind": "scene", "text": TEXT}
    assert [client.post(path, said).status_code for _ in range(11)] == [302] * 10 + [429]


def test_an_owner_contests_from_the_desk(client: Client, arena: Arena, session: Session) -> None:
    path = f"/sessions/{session.pk}/report"
    assert "serving" not in kinds_offered(client, path)
    alice = make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)
    client.force_login(alice)
    assert "serving" in kinds_offered(client, f"/sessions/{session.pk}")
    policy = session.sides.get(label="A").version.policy
    assert f"{path}?kind=serving" in client.get(f"/policies/{policy.slug}/manage").content.decode()
    assert 'value="serving" selected' in client.get(f"{path}?kind=serving").content.decode()
    client.post(path, {"kind": "serving", "text": TEXT})
    assert Report.objects.get().person == alice
    client.force_login(make_person("bob@example.org", lab=arena.owners, role=Role.EVALUATOR))
    assert "kind=serving" not in client.get(f"/policies/{policy.slug}/manage").content.decode()


def test_nothing_is_reported_of_what_is_blind(client: Client, arena: Arena) -> None:
    """Its evaluator does not either: who an owner of it is would tell which policies these are."""
    opened = open_session(arena)
    veiled = sessions.submit(
        session=open_session(arena, "another task"),
        judgement=sessions.Judgement(preference=None, notes="", valid=False),
        now=timezone.now(),
        veiled=True,
    )
    people = [arena.dana, make_person("alice@example.org", lab=arena.owners, role=Role.OWNER), make_steward(), None]
    for person in people:
        client.logout()
        if person:
            client.force_login(person)
        for session in (opened, veiled):
            for what in ("report", "appeal"):
                for answer in (
                    client.get(f"/sessions/{session.pk}/{what}"),
                    client.post(f"/sessions/{session.pk}/{what}", {"kind": "scene", "text": TEXT}),
                ):
                    assert answer.status_code == (404 if person or what == "report" else 302)
            assert "Report this session" not in client.get(f"/sessions/{session.pk}").content.decode()
    assert not Report.objects.exists()


def test_what_was_reported_is_read_by_stewards_alone(client: Client, arena: Arena, session: Session) -> None:
    client.post(f"/sessions/{session.pk}/report", {"kind": "scene", "text": TEXT})
    paths = [f"/sessions/{session.pk}", f"/sessions/{session.pk}/report", "/integrity", "/sessions?show=all"]
    paths += [f"/api/v1/public/sessions/{session.pk}", "/lab", "/account/history"]
    events = f"/lab/{arena.lab.slug}/events"
    report = f"/review/reports/{Report.objects.get().pk}"
    for person in (arena.dana, make_person("charlie@example.org", lab=make_lab(), role=Role.ADMIN)):
        client.force_login(person)
        assert all(TEXT not in client.get(path).content.decode() for path in paths)
        assert client.get(report).status_code == client.get("/review/reports").status_code == 403
        assert "Session reported" not in client.get(events).content.decode()
    client.force_login(make_steward())
    assert TEXT in client.get(report).content.decode()


def test_a_steward_decides_on_the_page(client: Client, session: Session) -> None:
    client.post(f"/sessions/{session.pk}/report", {"kind": "scene", "text": TEXT})
    path = f"/review/reports/{Report.objects.get().pk}/decide"
    client.force_login(make_steward())
    assert client.post(path, {"decision": "uphold", "comment": ""}).status_code == 400
    assert client.post(path, {"comment": "I saw it."}).status_code == 400
    both = {"decision": "dismiss", "comment": "No.", "exclude_because": "scene"}
    assert client.post(path, both).status_code == 400
    said = {"decision": "uphold", "comment": "The cup was moved.", "exclude_because": "scene"}
    assert client.post(path, said).status_code == 302
    assert "The cup was moved." in client.get(f"/sessions/{session.pk}").content.decode()
    assert client.post(path, {"decision": "dismiss", "comment": "No."}).status_code == 400
    assert Report.objects.get().state == Report.State.UPHELD


def test_an_appeal_from_the_page_of_the_session(client: Client, arena: Arena, session: Session) -> None:
    eve, path = make_steward(), f"/sessions/{session.pk}/appeal"
    sessions.exclude(session=session, reason="scene", comment="the cup was moved", by=eve)
    assert path not in client.get(f"/sessions/{session.pk}").content.decode()
    client.force_login(arena.dana)
    assert path in client.get(f"/sessions/{session.pk}").content.decode()
    assert client.post(path, {"text": "no"}).status_code == 400
    assert client.post(path, {"text": "It stood there in both."}).status_code == 302
    assert client.post(path, {"text": "It stood there in both."}).status_code == 409
    assert "waits for a second steward" in (shown := client.get(f"/sessions/{session.pk}").content.decode())
    assert path not in shown
    assert "It stood there" not in shown
    decide = f"/review/appeals/{Appeal.objects.get().pk}/decide"
    edna = make_steward("edna@example.org")
    client.force_login(eve)
    assert "Another steward decides" in client.get(decide.removesuffix("/decide")).content.decode()
    assert client.post(decide, {"decision": "lift", "comment": "Sound."}).status_code == 400
    client.force_login(edna)
    assert client.post(decide, {"decision": "", "comment": "Sound."}).status_code == 400
    assert client.post(decide, {"decision": "lift", "comment": "Sound."}).status_code == 302
    assert not Exclusion.objects.get().stands
    assert "It stood there" in client.get(decide.removesuffix("/decide")).content.decode()


def test_a_lone_steward_is_told_what_to_do(client: Client, arena: Arena, session: Session) -> None:
    eve = make_steward()
    sessions.exclude(session=session, reason="scene", comment="the cup was moved", by=eve)
    made = appeals.appeal(session=session, text="It stood there in both.", by=arena.dana, now=timezone.now())
    client.force_login(eve)
    shown = client.get(f"/review/appeals/{made.pk}").content.decode()
    assert "Nobody can decide this appeal yet" in shown
    assert "manage.py create_steward" in shown
    assert "Lift the exclusion" not in shown
    assert "waits for a second steward" in client.get("/review/appeals").content.decode()
    edna = make_steward("edna@example.org")
    shown = client.get(f"/review/appeals/{made.pk}").content.decode()
    assert "Nobody can decide" not in shown
    assert "edna@example.org can." in shown
    assert "waits for a second steward" not in client.get("/review/appeals").content.decode()
    client.force_login(edna)
    assert "Lift the exclusion" in client.get(f"/review/appeals/{made.pk}").content.decode()


def test_the_queue_has_all_that_waits_the_oldest_first(client: Client, arena: Arena, session: Session) -> None:
    now = timezone.now()
    sessions.exclude(session=session, reason="scene", comment="the cup was moved", by=make_steward("edna@example.org"))
    appeals.appeal(session=session, text="It stood there in both.", by=arena.dana, now=now)
    for kind in ("stake", "scene"):
        session_reports.report(
            session=session, kind=kind, text=TEXT, by=None, address="", now=now.replace(year=now.year - 1)
        )
    client.force_login(make_steward())
    page = client.get("/review").content.decode()
    listed = re.findall(r'<span class="state">(\w+)</span>', page)
    assert listed == ["Report", "Report", "Appeal"]
    assert "Reports (2)" in page
    assert "Appeals (1)" in client.get("/review/applications").content.decode()
