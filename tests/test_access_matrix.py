"""Who gets what at every address, by every method: one row an address, one column a person.

Alice is admin of a lab, Bob owns policies in it and Dana evaluates at its station. Charlie is admin of another lab.
Eve is a steward. The visitor has no account. Whatever the rows name belongs to Alice's lab and, in it, to Dana.
An address without a row fails, and a method without one must be refused: say who may what before it is served.

`in` is the way to the sign-in page, `->` any other redirect. Forms and documents are sent empty: 400, and
200 at a form, say that only their content is wanting.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponseBase, StreamingHttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.utils import timezone

from arena import affiliations, api_keys, applications, invitations, notices, policies
from arena.applications import TERMS_VERSION, ApplicationText
from arena.models import Membership, Notice, NoticeKind, Person, Role, Scope
from credits import ledger
from evaluations import appeals, photos, session_reports, sessions, trials
from evaluations.desk import checks
from evaluations.models import MediaFile, Photo, Session, Upload
from evaluations.requests import orders
from leaderboard import freezes, snapshots
from leaderboard.boards import OVERALL
from leaderboard.models import Oddity, Snapshot
from reports import policy_reports, work
from reports.exports import exports
from reports.models import PolicyReport, Work
from reports.writing import writing
from tests.access_table import TABLE
from tests.factories import (
    Arena,
    finish_session,
    make_arena,
    make_lab,
    make_person,
    make_steward,
    make_version,
    open_session,
)

PEOPLE = ("visitor", "dana", "bob", "alice", "charlie", "eve")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# The stewards' read-only pages are Django's: their rows stand for all of their kind.
ADMIN = "staff/"
STEWARDS_GET = {200, 302, 403, 404}  # nothing is added or changed there, and some pages want a search


def rows() -> Iterator[tuple[str, str, list[str]]]:
    for line in TABLE.strip().splitlines():
        if line.strip() and not line.startswith("#"):
            method, path, *outcomes = line.split()
            yield method, path, outcomes


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            yield prefix + str(pattern.pattern)


def outcome(answer: HttpResponseBase) -> str:
    if answer.status_code in (301, 302, 303):
        return "in" if answer.headers["Location"].startswith("/sign-in") else "->"
    return str(answer.status_code)


class World:
    """Two labs with all that there can be of them, and what the addresses of the table are filled with."""

    def __init__(self, arena: Arena | None = None) -> None:
        self.arena = arena = arena or make_arena()
        self.people: dict[str, Person] = {
            "dana": arena.dana,
            "alice": make_person("alice@example.org", lab=arena.lab, role=Role.ADMIN),
            "bob": make_person("bob@example.org", lab=arena.lab, role=Role.OWNER),
            "charlie": make_person("charlie@example.org", lab=arena.owners, role=Role.ADMIN),
            "eve": make_steward(),
        }
        self.words = {**self._of_the_lab(), **self._of_sessions(arena)}

    def _of_the_lab(self) -> dict[str, object]:
        arena, alice, now = self.arena, self.people["alice"], timezone.now()
        invitation = invitations.invite(
            lab=arena.lab, email="new@example.org", role=Role.EVALUATOR, by=alice, now=now - timedelta(minutes=5)
        )
        application = applications.apply(
            person=make_person("applicant@example.org", lab=make_lab(), role=Role.ADMIN),
            text=ApplicationText(lab_name="A new lab", about="we evaluate", robots="one"),
            terms=TERMS_VERSION,
            now=now,
        )
        version = make_version(lab=arena.lab)
        ledger.earn(lab=arena.lab, amount=20, key="welcome")
        request = orders.place(version=version, wanted=2, by=self.people["bob"], now=now)
        untried = policies.register_policy(
            lab=arena.lab, name="untried", endpoint_url="ws://policy.example:1", trial_first=True
        )
        key, _ = api_keys.create_api_key(
            person=arena.dana, lab=arena.lab, name="bench", scopes=[Scope.EVALUATE], now=now
        )
        return {
            "lab": arena.lab.slug,
            "member": Membership.objects.get(person=self.people["bob"]).pk,
            "invitation": invitation.pk,
            "link": self._link(),
            "application": application.pk,
            "station": arena.station.pk,
            "code": arena.key.pk,
            "affiliation": affiliations.declare(lab=arena.lab, other=make_lab(), by=alice).pk,
            "key": key.pk,
            "version": version.label,
            "check": checks.ask(version=version, by=alice, now=now).pk,
            "own": version.policy.slug,
            "request": request.pk,
            "trial": trials.ask(version=untried, host=arena.lab, by=alice, now=now).pk,
            "off": notices.off_path(arena.dana, NoticeKind.SESSION_EXPIRED).rpartition("/")[2],
        }

    @staticmethod
    def _link() -> str:
        notice = Notice.objects.get(kind=NoticeKind.INVITATION)
        return notices.link_token(notice.key)

    @staticmethod
    def _of_sessions(arena: Arena) -> dict[str, object]:
        now = timezone.now()
        opened = open_session(arena, "an open task")
        photo = photos.keep(session=opened, moment=Photo.Moment.START, photo=photos.Prepared(b"x", 1, 1), now=now)
        side = opened.sides.get(label="A")
        upload = Upload.objects.create(side=side, person=arena.dana, kind="left", size=10)
        media = MediaFile.objects.create(
            side=side, kind="wrist", file="episodes/aa/none.mp4", size=1, sha256="0" * 64, received_at=now
        )
        ended = finish_session(open_session(arena, "a task that ended"), video=b"no video", now=now)
        snapshots.recompute_all(now=now + timedelta(seconds=1))
        oddity = Oddity.objects.create(
            board="overall",
            kind="lab",
            name=arena.lab.slug,
            check_name="quick",
            figures={"n": 40, "figure": 0.9, "p": 1e-9},
            first_seen=now,
            last_seen=now,
        )
        return World._of_the_review(arena) | {
            "open": opened.pk,
            "ended": ended.pk,
            "photo": photo.pk,
            "upload": upload.pk,
            "media": media.pk,
            "snapshot": Snapshot.objects.filter(board="overall").latest("pk").pk,
            "policy": arena.versions[0].shown_label,
            "other": arena.versions[1].shown_label,
            "oddity": oddity.pk,
            "day": World._of_the_data(now),
            **World._of_reports(ended),
        }

    @staticmethod
    def _of_the_data(now: datetime) -> str:
        export = exports.order(now=now)
        assert export is not None
        exports.make(export_id=export.pk, now=now)
        return export.day.isoformat()

    @staticmethod
    def _of_reports(session: Session) -> dict[str, object]:
        now, version = timezone.now(), session.sides.latest("version").version
        asked = policy_reports.ask(version=version, other=None, now=now)
        writing.do(work_id=asked.pk, now=now)
        failed = work.ask(kind=Work.Kind.TAG_SESSION, subject=str(session.pk), now=now)
        Work.objects.filter(pk=failed.pk).update(state=Work.State.FAILED, ended_at=now, reason="It said nothing.")
        return {
            "reported": PolicyReport.objects.get(version=version).pk,
            "reported_on": version.shown_label,
            "work": failed.pk,
        }

    @staticmethod
    def _of_the_review(arena: Arena) -> dict[str, object]:
        edna, now = make_steward("edna@example.org"), timezone.now()
        excluded = finish_session(open_session(arena, "a task that was excluded"), now=now)
        text = "The cup stands elsewhere."
        report = session_reports.report(session=excluded, kind="scene", text=text, by=None, address="", now=now)
        sessions.exclude(session=excluded, reason="scene", comment="the cup was moved", by=edna)
        return {
            "excluded": excluded.pk,
            "report": report.pk,
            "appeal": appeals.appeal(session=excluded, text=text, by=arena.dana, now=now).pk,
            "freeze": freezes.freeze(board=OVERALL[0], reason="looked into", by=edna, now=now).pk,
        }


class Asking:
    """Requests that leave nothing behind, by people who are signed in once."""

    def __init__(self, world: World) -> None:
        self._words = world.words
        self._cookies = {"visitor": Client().cookies}
        for name, person in world.people.items():
            client = Client()
            client.force_login(person)
            self._cookies[name] = client.cookies

    def ask(self, name: str, method: str, path: str) -> str:
        return outcome(self.answer(name, method, path)[0])

    def answer(self, name: str, method: str, path: str) -> tuple[HttpResponseBase, bytes]:
        """With its content."""
        client = Client(raise_request_exception=False, headers={"Tus-Resumable": "1.0.0"})
        client.cookies = self._cookies[name].copy()  # type: ignore[assignment]
        address = path.format(**self._words)
        sent = ("{}", "application/json") if path.startswith("/api/v1/") else ("", "application/x-www-form-urlencoded")
        if path.startswith("/api/v1/uploads"):
            sent = ("", "application/offset+octet-stream")
        with transaction.atomic():
            answer = client.generic(method, address, *sent)
            if isinstance(answer, StreamingHttpResponse):
                content = b"".join(answer.streaming_content)  # to its end, where it closes its file
            else:
                content = answer.content
            transaction.set_rollback(True)
        return answer, content


@pytest.fixture
def asking(db: None) -> Asking:
    return Asking(World())


@pytest.mark.slow
def test_everyone_gets_what_is_theirs_and_nothing_else(asking: Asking) -> None:
    found = [(method, path, [asking.ask(name, method, path) for name in PEOPLE]) for method, path, _ in rows()]
    assert [row for row in found if row not in list(rows())] == []


@pytest.mark.slow
def test_a_method_without_a_row_is_not_taken(asking: Asking) -> None:
    """By Dana, whose everything is."""
    listed = {(method, path) for method, path, _ in rows()}
    others = {(method, path) for _, path in listed for method in METHODS if (method, path) not in listed}
    assert {(method, path): asking.ask("dana", method, path) for method, path in sorted(others)} == dict.fromkeys(
        sorted(others), "405"
    )


def test_every_address_has_a_row() -> None:
    words: dict[str, Any] = dict.fromkeys(re.findall(r"{(\w+)}", TABLE), 1)
    words |= dict.fromkeys(
        ("open", "ended", "excluded", "application", "upload", "request", "trial", "check", "reported", "work"),
        "00000000-0000-4000-8000-000000000000",
    )
    covered = {resolve(path.format(**words)).route for _, path, _ in rows()}
    served = {route for route in routes(get_resolver().url_patterns) if not route.startswith(ADMIN)}
    assert sorted(served - covered) == []


@pytest.mark.django_db
def test_the_stewards_pages_are_for_stewards(arena: Arena) -> None:
    eve, charlie = make_steward(), make_person("charlie@example.org", lab=make_lab(), role=Role.ADMIN)
    listed = {
        f"/{route}"
        for route in routes(get_resolver().url_patterns)
        if route.startswith(ADMIN) and "<" not in route and "(" not in route and "log" not in route
    }
    assert len(listed) > 20
    for path in sorted(listed):
        visitor, member, steward = Client(), Client(), Client()
        member.force_login(charlie)
        steward.force_login(eve)
        assert visitor.get(path, follow=True).request["PATH_INFO"] == "/sign-in"
        assert (path, member.get(path, follow=True).status_code) == (path, 403)
        assert steward.get(path).status_code in STEWARDS_GET, path
