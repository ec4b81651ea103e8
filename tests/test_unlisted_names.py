"""The name of an unlisted version is told at no address to anybody but its own lab's members and stewards.

Addresses and people are those of test_access_matrix.py. Charlie's lab owns the version; the visitor, Dana, Bob and
Alice are others, and Eve is a steward.
"""

import io
import zipfile
from collections.abc import Container, Iterable
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.http import HttpResponseBase
from django.utils import timezone

from arena import policies
from arena.models import Notice, PolicyVersion
from evaluations import trials
from evaluations.requests import orders
from evaluations.requests.orders import Conditions
from leaderboard import pair_evidence, snapshots
from tests.factories import finish_session, make_arena, open_session
from tests.test_access_matrix import Asking, World, rows

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

OTHERS = ("visitor", "dana", "bob", "alice")
NAME = "Quiet heron"
TOLD = (NAME, "quiet-heron", "Q-hush")
# Where Bob reads it once it is listed, and the visitor most of it.
AFTER = {
    "/",
    "/api/leaderboard",
    "/api/policy_analysis.json",
    "/api/list_ab_evaluations",
    "/api/v1/public/boards/overall/history",
    "/api/v1/public/compare/{policy}/{other}",
    "/api/v1/public/integrity",
    "/api/v1/public/leaderboard",
    "/api/v1/public/sessions",
    "/api/v1/public/sessions/{ended}",
    "/api/v1/public/snapshots/{snapshot}",
    "/compare/{policy}/{other}",
    "/compare/{policy}/{other}/report",
    "/evaluate",
    "/integrity",
    "/integrity/completion.csv",
    "/integrity/concentration.csv",
    "/requests/new/{version}",
    "/requests/{request}",
    "/api/v1/reports/{reported}",
    "/api/v1/requests/{request}",
    "/api/v1/trials",
    "/api/v1/trials/{trial}",
    "/sessions",
    "/sessions/{ended}",
    "/sessions/{ended}/cited",
    "/snapshots/{snapshot}/rows.csv",
    "/trials/{trial}",
    "/versions/{reported_on}/report",
    "/versions/{reported_on}/report.json",
    "/versions/{reported_on}/report.md",
}
# What was computed is never rewritten, and keeps the pseudonym.
NEVER = {"/snapshots/{snapshot}/export.zip", "/snapshots/{snapshot}/input.csv"}


@pytest.fixture
def world() -> World:
    """The version is in every session; a later one waits for its trial at Dana's lab, where Bob has ordered comparisons
    with the first."""
    arena, now = make_arena(policies_in_pool=2, secret=NAME), timezone.now()
    for number in range(2):
        finish_session(open_session(arena, f"task {number}"), now=now - timedelta(days=1))
    snapshots.recompute_all(now=now - timedelta(days=1))
    world = World(arena)
    pair_evidence.write(now=now)
    later = policies.register_policy(
        lab=arena.owners,
        name=NAME,
        version="Q-hush-2",
        endpoint_url="ws://policy.example:1",
        trial_first=True,
        unlisted=True,
    )
    own, bob = PolicyVersion.objects.get(policy__slug=world.words["own"]), world.people["bob"]
    order = orders.place(version=own, wanted=1, by=bob, now=now, conditions=Conditions(opponents=[arena.versions[0]]))
    trial = trials.ask(version=later, host=arena.lab, by=world.people["charlie"], now=now)
    world.words |= {"request": order.pk, "trial": trial.pk}
    return world


def telling(world: World, people: Iterable[str], paths: Container[str]) -> set[str]:
    """Those of the addresses that tell any of these people of the version, in headers or content."""
    asking = Asking(world)
    asked = [(name, method, path) for name in people for method, path, _ in rows() if path in paths]
    return {path for name, method, path in asked if tells(*asking.answer(name, method, path))}


def tells(answer: HttpResponseBase, content: bytes) -> bool:
    if answer.headers.get("Content-Type") == "application/zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = b"".join(archive.read(name) for name in archive.namelist())
    text = f"{answer.headers}\n{content.decode(errors='replace')}".lower()
    return any(word.lower() in text for word in TOLD)


def test_before_it_is_listed_nobody_else_is_told(world: World) -> None:
    assert telling(world, OTHERS, {path for _, path, _ in rows()}) == set()


def test_its_own_lab_reads_its_name(world: World) -> None:
    """On its own pages: the public ones are the same for everybody."""
    world.words |= {"own": "quiet-heron", "lab": world.arena.owners.slug}
    own = {"/lab", "/lab/{lab}/events", "/policies/{own}/manage", "/policies/{own}/results.csv", "/trials/{trial}"}
    own |= {"/api/v1/policies/{own}", "/api/v1/policies/{own}/results", "/api/v1/trials", "/api/v1/trials/{trial}"}
    assert telling(world, ["charlie"], own | AFTER | NEVER) == own


def test_once_it_is_listed_everybody_reads_it(world: World) -> None:
    for version in PolicyVersion.objects.unlisted():
        policies.list_version(version=version, by=world.people["charlie"])
    cache.clear()
    assert telling(world, ["bob"], AFTER | NEVER) == AFTER
    assert telling(world, ["visitor"], {"/", "/sessions/{ended}", *NEVER}) == {"/", "/sessions/{ended}"}


def test_no_address_is_made_of_its_name(world: World) -> None:
    """What leads to a version by its pseudonym is no way to try names out."""
    asking, secret = Asking(world), world.arena.versions[0]
    for name in (secret.label, secret.policy.slug, "quiet-heron@1", "nobody@1"):
        address = f"/api/v1/public/compare/{name}/{{other}}"
        answers = {asking.answer(one, "GET", address)[1].replace(name.encode(), b"") for one in OTHERS}
        assert len(answers) == 1
        assert b"version_unknown" in answers.pop()


def test_reports_on_it_are_its_labs_and_stewards(world: World) -> None:
    """Under its pseudonym, until it is listed. To others there is no such version, nor under its name."""
    asking, secret = Asking(world), world.arena.versions[0]
    for label in (secret.pseudonym, secret.label):
        for address in (f"/versions/{label}/report", f"/compare/{label}/{{other}}/report"):
            asked = {name: asking.ask(name, "GET", address) for name in ("visitor", "bob", "charlie", "eve")}
            assert asked == {"visitor": "404", "bob": "404", "charlie": "200", "eve": "200"}


def test_no_mail_to_another_lab_tells_its_name(world: World) -> None:
    written = Notice.objects.filter(key__startswith=f"trial:{world.words['trial']}:")
    assert {notice.person for notice in written} == {world.people[name] for name in ("alice", "bob", "dana")}
    assert not any(word in f"{one.subject}{one.text}{one.path}" for one in written for word in TOLD)
    assert all("unlisted." in one.text for one in written)
