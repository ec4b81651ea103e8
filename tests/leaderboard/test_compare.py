"""Two policies beside each other: the page and its twin for programs."""

import csv
import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from evaluations import sessions
from evaluations.models import Session
from leaderboard import compare, pair_evidence, snapshots
from tests.factories import Arena, make_arena, make_steward
from tests.leaderboard.test_pair_evidence import arena, ids, play

__all__ = ["arena"]


def labels(arena: Arena) -> tuple[str, str]:
    by_id = {version.pk: version.label for version in arena.versions}
    low, high = ids(arena)
    return by_id[low], by_id[high]


def page(client: Client, first: str, second: str) -> str:
    answer = client.get(f"/compare/{first}/{second}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_certificate_is_told_in_words(client: Client, arena: Arena) -> None:
    first, second = labels(arena)
    play(arena, 14, winner=ids(arena)[1])
    snapshots.recompute_all(now=timezone.now())
    shown = page(client, first, second)
    assert f"{second} is better: certified after" in shown
    assert "of 14 sessions" in shown
    assert f"{second} comes further" in shown
    assert f"{second} is better" in page(client, second, first)
    assert shown.count("/sessions/") == 14


def test_a_certificate_stands_where_sessions_are_left_out_later(client: Client, arena: Arena) -> None:
    first, second = labels(arena)
    played = play(arena, 14, winner=ids(arena)[0])
    now = timezone.now()
    snapshots.recompute_all(now=now)
    pair_evidence.write(now=now)
    after = client.get(f"/api/v1/public/compare/{first}/{second}").json()["certificate"]["decided_after"]
    steward = make_steward()
    for session in played[:10]:
        sessions.exclude(session=session, reason="stake", comment="c", by=steward)
    shown = page(client, first, second)
    assert f"{first} is better: certified after {after} sessions." in shown
    assert "the 4 that count today do not decide by themselves" in shown
    turned = client.get(f"/api/v1/public/compare/{second}/{first}").json()
    assert turned["certificate"] == {"verdict": "worse", "decided_after": after, "kept": True}
    assert turned["preference"]["verdict"] == "undecided"


def test_two_that_are_level(client: Client, arena: Arena) -> None:
    first, second = labels(arena)
    play(arena, 2)
    assert "Not decided after 2 sessions: each was preferred 0 times, 2 ties." in page(client, first, second)


def test_what_is_not_decided_says_how_many_more(client: Client, arena: Arena) -> None:
    first, second = labels(arena)
    play(arena, 3, winner=ids(arena)[0])
    play(arena, 1)
    snapshots.recompute_all(now=timezone.now())
    shown = page(client, first, second)
    assert f"Not decided after 4 sessions: {first} leads with 3 to 0, 1 tie." in shown
    assert f"{first} leads with 3 to 0" in page(client, second, first)
    assert "more session" in shown


def test_those_that_never_met(client: Client, arena: Arena) -> None:
    first, second = labels(arena)
    assert "These two have not met yet." in page(client, first, second)


def test_only_counted_and_revealed_sessions_are_told(client: Client, arena: Arena) -> None:
    first, second = labels(arena)
    kept, excluded, veiled = play(arena, 3)
    sessions.exclude(session=excluded, reason="stake", comment="c", by=make_steward())
    Session.objects.filter(pk=veiled.pk).update(valid=True)
    answer = client.get(f"/api/v1/public/compare/{first}/{second}").json()
    assert answer["session_ids"] == [str(kept.pk), str(veiled.pk)]
    assert (answer["wins"], answer["ties"], answer["losses"]) == (0, 2, 0)


def test_the_twin_for_programs_holds_the_same(client: Client, arena: Arena) -> None:
    first, second = labels(arena)
    play(arena, 5, winner=ids(arena)[0])
    snapshots.recompute_all(now=timezone.now())
    found = compare.compare(compare.version_named(first), compare.version_named(second))
    answer = client.get(f"/api/v1/public/compare/{first}/{second}").json()
    assert answer["preference"]["log_e_better"] == found.preference.log_e_better
    assert answer["sessions"] == 5
    assert answer["chances"]["win"] > answer["chances"]["loss"]
    turned = client.get(f"/api/v1/public/compare/{second}/{first}").json()
    assert turned["losses"] == 5
    assert turned["preference"]["log_e_worse"] == pytest.approx(answer["preference"]["log_e_better"])


def test_the_sessions_between_them_as_a_table(client: Client, arena: Arena) -> None:
    first, second = labels(arena)
    excluded, *kept = play(arena, 3, winner=ids(arena)[0])
    sessions.exclude(session=excluded, reason="stake", comment="c", by=make_steward())
    assert f"/compare/{first}/{second}/sessions.csv" in page(client, first, second)

    def rows(path: str) -> list[dict[str, str]]:
        answer = client.get(f"/compare/{path}/sessions.csv")
        assert answer["Content-Type"] == "text/csv"
        return list(csv.DictReader(StringIO(answer.content.decode())))

    found, turned = rows(f"{first}/{second}"), rows(f"{second}/{first}")
    assert [row["session"] for row in found] == [str(session.pk) for session in kept]
    assert [(row["verdict"], row["difference"]) for row in found] == [("won", "0.6")] * 2
    assert [(row["verdict"], row["difference"]) for row in turned] == [("lost", "-0.6")] * 2


def test_a_slug_alone_means_its_newest_version(client: Client, arena: Arena) -> None:
    first, second = labels(arena)
    slugs = [label.partition("@")[0] for label in (first, second)]
    assert client.get(f"/api/v1/public/compare/{slugs[0]}/{slugs[1]}").json()["first"] == first


def test_what_cannot_be_compared_is_answered_clearly(client: Client, arena: Arena) -> None:
    first, _ = labels(arena)
    simulated = make_arena(policies_in_pool=2, simulated=True).versions[0].label

    def refused(path: str) -> tuple[int, str]:
        answer = client.get(f"/api/v1/public/compare/{path}")
        return answer.status_code, answer.json()["error"]["code"]

    assert refused(f"{first}/{first}") == (400, "compared_with_itself")
    assert refused(f"{first}/{simulated}") == (400, "scopes_differ")
    assert refused(f"{first}/nobody") == (404, "version_unknown")
    assert refused(f"{first}/{first}x") == (404, "version_unknown")


def test_the_page_asks_a_fixed_number_of_questions(
    client: Client, arena: Arena, django_assert_max_num_queries: Any
) -> None:
    first, second = labels(arena)
    play(arena, 2)
    snapshots.recompute_all(now=timezone.now())
    with django_assert_max_num_queries(10):
        page(client, first, second)
    play(arena, 6)
    with django_assert_max_num_queries(10):
        page(client, first, second)


def test_a_plan_says_how_many_sessions_it_takes() -> None:
    out = StringIO()
    call_command("plan", win=0.6, tie=0.2, json=True, stdout=out)
    plan = json.loads(out.getvalue())
    assert plan["expected"] < plan["sessions"]
    assert plan["wrong"] < 0.05
    out = StringIO()
    call_command("plan", win=0.42, tie=0.2, limit=100, stdout=out)
    assert out.getvalue().strip() == "More than 100 sessions."
    out = StringIO()
    call_command("plan", win=0.4, tie=0.2, limit=100, stdout=out)
    assert "no number of sessions" in out.getvalue()
    with pytest.raises(CommandError, match="plan_out_of_range"):
        call_command("plan", win=1.5, tie=0.2)
