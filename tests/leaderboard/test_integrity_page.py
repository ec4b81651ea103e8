"""The page /integrity, its tables and its twin in the API: figures of sessions that ended, nothing of those open."""

import csv
import io
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from arena import keys
from arena.models import Role
from arena.texts import as_cell
from evaluations import guesses, sessions
from evaluations.models import Label, Preference, Session
from evaluations.reasons import ABANDON_REASONS, Reason
from evaluations.scopes import REAL, SIMULATION
from evaluations.sessions import Judgement
from leaderboard import integrity, integrity_csv, snapshots
from leaderboard.concentration import (
    COMPLETION_BELOW,
    COMPLETION_FROM,
    EVALUATOR,
    EVEN_SHARES,
    INFLUENCE,
    LAB,
    OPPONENT,
    By,
    Verdict,
    pair_limits,
)
from leaderboard.inputs import EXCLUDED_BY_STEWARD, SAME_POLICY
from leaderboard.integrity_words import ROWS_SHOWN, limits_text, percent, verdicts
from leaderboard.standing import PROVISIONAL_BELOW
from tests.factories import (
    Arena,
    finish_session,
    make_arena,
    make_lab,
    make_person,
    make_station,
    make_steward,
    make_version,
    open_session,
    upload_episode,
)

ADDRESSES = (
    "/integrity?board=overall",
    "/integrity/concentration.csv?board=overall",
    "/integrity/completion.csv?board=overall",
    "/api/v1/public/integrity?board=overall",
)


def play(arena: Arena, times: int) -> None:
    for _ in range(times):
        finish_session(open_session(arena))


def at_another_lab(arena: Arena, name: str = "Another Lab") -> Arena:
    """The same policies, met by somebody else."""
    lab = make_lab(name)
    person = make_person(f"somebody-{lab.pk}@example.org", lab=lab, role=Role.EVALUATOR)
    station = make_station(lab=lab)
    key, code = keys.create_client_key(person=person, station=station)
    return replace(arena, lab=lab, dana=person, station=station, key=key, code=code)


def facts(scope: Any = REAL) -> integrity.Facts:
    return integrity.measure(scope, now=timezone.now())


def text(client: Client, address: str = ADDRESSES[0]) -> str:
    cache.clear()
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def table(client: Client, address: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(address).content.decode())))


def test_without_sessions_nothing_can_be_told(client: Client, db: None) -> None:
    for board in ("", "?board=overall", "?board=imported", "?board=simulation"):
        assert "Nothing can be told yet" in text(client, f"/integrity{board}")
    told: Any = client.get("/api/v1/public/integrity?board=overall").json()
    assert told["concentration"] == []
    assert (told["completion"]["all"]["completion"], told["exclusions"]["total"]) == (None, 0)
    assert table(client, "/integrity/concentration.csv") == []
    assert client.get("/integrity?board=nothing").status_code == 404
    assert client.get("/integrity?board=overall.open-source").status_code == 404


def test_who_evaluated(client: Client, arena: Arena) -> None:
    other = at_another_lab(arena)
    play(arena, 15)
    play(other, 10)
    whole = {one.by: one for one in facts().shares if not one.version}
    assert (whole[By.EVALUATOR].source, whole[By.EVALUATOR].share) == (arena.dana.pseudonym, 0.6)
    assert (whole[By.LAB].source, whole[By.LAB].verdict) == (arena.lab.slug, Verdict.WATCH)
    assert whole[By.EVALUATOR].verdict is Verdict.REVIEW
    page = text(client)
    assert f"{arena.dana.pseudonym}: 15 of 25 sessions" in page
    assert "(watch from 25 %, review from 40 %)" in page
    assert f"{arena.lab.name}: 15 of 25 sessions" in page
    assert arena.dana.email not in page


def test_versions_with_few_sessions_cannot_be_told(arena: Arena) -> None:
    play(arena, PROVISIONAL_BELOW - 1)
    assert {one.verdict for one in facts().shares} == {Verdict.UNTOLD}
    play(arena, 1)
    told = {one.version for one in facts().shares if one.verdict is not Verdict.UNTOLD}
    assert told == {""}


def end_each_way(arena: Arena) -> dict[str, Session]:
    """Valid, excluded, not valid, given up, run out, and one policy twice."""
    now = timezone.now()
    ended = {name: finish_session(open_session(arena)) for name in ("valid", "excluded")}
    sessions.exclude(session=ended["excluded"], reason="camera moved", comment="seen on video", by=make_steward())
    ended["not_valid"] = finish_session(open_session(arena), valid=False)
    ended["abandoned"] = sessions.abandon(session=open_session(arena), now=now, by=arena.dana, reason=Reason.NO_TIME)
    ended["expired"] = open_session(arena, now=now - timedelta(days=2))
    sessions.expire_overdue(now=now)
    with override_settings(SAME_POLICY_SHARE=1.0):
        ended["twice"] = finish_session(open_session(arena))
    return ended


def test_what_was_completed_and_what_is_left_out(client: Client, arena: Arena) -> None:
    ended = end_each_way(arena)
    found = facts()
    assert (found.all.assigned, found.all.valid, found.all.expired, found.counted) == (6, 3, 1, 1)
    assert found.all.not_valid == {Reason.MARKED_INVALID: 1}
    assert found.all.abandoned == {Reason.NO_TIME: 1}
    left_out = {one.reason: (one.sessions, one.latest) for one in found.left_out}
    assert left_out == {
        EXCLUDED_BY_STEWARD: (1, [str(ended["excluded"].pk)]),
        SAME_POLICY: (1, [str(ended["twice"].pk)]),
        Reason.MARKED_INVALID: (1, [str(ended["not_valid"].pk)]),
        Reason.NO_TIME: (1, [str(ended["abandoned"].pk)]),
        Reason.LEASE_EXPIRED: (1, [str(ended["expired"].pk)]),
    }
    page = text(client)
    assert "3 of 6 sessions ended with a valid result" in page
    assert "Counted 1 of 6 sessions." in page
    assert "camera moved" in page
    assert "seen on video" in page
    for name in ("excluded", "not_valid", "abandoned", "expired", "twice"):
        assert f'href="/sessions/{ended[name].pk}"' in page


def test_the_page_leaves_out_what_the_board_leaves_out(arena: Arena) -> None:
    end_each_way(arena)
    snapshots.recompute_all(now=timezone.now())
    snapshot = snapshots.latest("overall")
    assert snapshot is not None
    found = facts()
    assert (found.counted, found.all.assigned) == (snapshot.counted, snapshot.total)
    assert {one.reason: one.sessions for one in found.left_out} == snapshot.excluded


def test_the_tables_in_full(client: Client, arena: Arena) -> None:
    end_each_way(arena)
    shares = table(client, "/integrity/concentration.csv?board=overall")
    whole = next(row for row in shares if not row["policy"] and row["by"] == "evaluator")
    assert whole == {
        "policy": "",
        "by": "evaluator",
        "largest": arena.dana.pseudonym,
        "sessions": "1",
        "counted": "1",
        "share": "1.0",
        "watch_from": "0.25",
        "review_from": "0.4",
        "state": "cannot be told",
    }
    completion = table(client, "/integrity/completion.csv?board=overall")
    assert [row["of"] for row in completion][:2] == ["all", "lab"]
    for row in completion[:2]:
        assert (row["assigned"], row["valid"], row["completion"]) == ("6", "3", "0.5")
        assert (row["not_valid_marked_invalid"], row["abandoned_no_time"], row["expired"]) == ("1", "1", "1")
    (evaluator,) = (row for row in completion if row["of"] == "evaluator")
    assert (evaluator["name"], evaluator["assigned"], evaluator["valid"]) == (arena.dana.pseudonym, "6", "3")
    pairs = [row for row in completion if row["of"] == "pair"]
    assert sum(int(row["assigned"]) for row in pairs) == 6
    assert {name for row in pairs for name in row["name"].split(" and ")} <= {one.label for one in arena.versions}


def test_evaluators_and_pairs_stand_on_the_page_and_in_the_api(client: Client, arena: Arena) -> None:
    end_each_way(arena)
    page = client.get("/integrity?board=overall").content.decode()
    told = client.get("/api/v1/public/integrity?board=overall").json()["completion"]
    assert f'<th scope="row">{arena.dana.pseudonym}</th>' in page
    assert [(one["name"], one["assigned"]) for one in told["evaluators"]] == [(arena.dana.pseudonym, 6)]
    assert arena.dana.email not in page
    assert told["pairs"]
    for pair in told["pairs"]:
        assert f'<th scope="row">{pair["name"]}</th>' in page


def test_every_reason_has_a_column() -> None:
    assert {*integrity_csv.NOT_VALID, *ABANDON_REASONS, Reason.LEASE_EXPIRED} == set(Reason)


@pytest.mark.parametrize(("name", "written"), [("=1+1", "'=1+1"), ("@x", "'@x"), ("amber-fox", "amber-fox")])
def test_a_spreadsheet_runs_no_name(name: str, written: str) -> None:
    assert as_cell(name) == written


def test_the_board_without_a_lab_is_linked(client: Client, arena: Arena) -> None:
    play(arena, 6)
    play(at_another_lab(arena), 6)
    assert "There is no board of these sessions yet" in text(client)
    snapshots.recompute_all(now=timezone.now())
    page = text(client)
    assert f'href="/?board=overall.without-lab.{arena.lab.slug}"' in page
    told: Any = client.get("/api/v1/public/integrity?board=overall").json()["influence"]
    assert {one["board"] for one in told["labs"]} >= {f"overall.without-lab.{arena.lab.slug}"}
    assert told["labs"][0]["state"] in set(Verdict)


def test_one_lab_alone_cannot_be_left_out(client: Client, arena: Arena) -> None:
    play(arena, 6)
    snapshots.recompute_all(now=timezone.now())
    assert [one.verdict for one in facts().influence] == [Verdict.UNTOLD]
    page = text(client)
    assert "With one lab alone nothing can be told" in page
    assert "without-lab" not in page


def test_the_noise_in_one_sentence(client: Client, arena: Arena) -> None:
    play(arena, 1)
    assert "It is not measured yet" in text(client)
    with override_settings(SAME_POLICY_SHARE=1.0):
        play(arena, 3)
    assert "Two rollouts of one policy on one scene end 40 points apart" in text(client)


def everything(client: Client) -> list[str]:
    return [text(client, address) for address in ADDRESSES]


def test_a_session_that_is_open_or_not_revealed_changes_nothing(
    client: Client, arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: at)
    play(arena, 4)
    before = everything(client)
    opened = open_session(arena, "an open task")
    upload_episode(opened, Label.A)
    assert everything(client) == before
    upload_episode(opened, Label.B)
    judgement = Judgement(preference=Preference.A, notes="A.", valid=True)
    sessions.submit(session=opened, judgement=judgement, now=at, veiled=True)
    assert everything(client) == before
    make_version(lab=arena.owners)
    assert everything(client) == before
    guesses.answer(session=opened, policy_a=None, policy_b=None, now=at)
    after = everything(client)
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_training_counts_nowhere(arena: Arena) -> None:
    play(arena, 1)
    training = Session.objects.get()
    training.pk, training.training = uuid.uuid4(), True
    training.save(force_insert=True)
    assert Session.objects.public().count() == 1
    assert facts().all.assigned == 1


def test_simulation_is_told_apart(client: Client, arena: Arena) -> None:
    play(make_arena(simulated=True), 2)
    assert (facts(REAL).all.assigned, facts(SIMULATION).all.assigned) == (0, 2)
    assert "Nothing can be told yet" in text(client)
    assert "2 of 2 sessions" in text(client, "/integrity?board=simulation")


def test_the_number_of_queries_does_not_grow(client: Client, arena: Arena) -> None:
    play(arena, 2)
    snapshots.recompute_all(now=timezone.now())
    counts = []
    for _ in range(2):
        cache.clear()
        with CaptureQueriesContext(connection) as asked:
            client.get("/integrity?board=overall")
        counts.append(len(asked))
        for number in range(3):
            other = at_another_lab(arena, f"Lab of {number} and {len(counts)}")
            play(other, 1)
            sessions.abandon(session=open_session(other), now=timezone.now(), by=other.dana)
        snapshots.recompute_all(now=timezone.now())
    assert counts[0] == counts[1] <= 14


def test_figures_are_kept_for_a_while(client: Client, arena: Arena) -> None:
    play(arena, 1)
    client.get("/integrity?board=overall")
    play(arena, 1)
    assert "1 of 1 sessions" in " ".join(client.get("/integrity?board=overall").content.decode().split())
    assert "2 of 2 sessions" in text(client)


def test_the_worst_are_shown_and_all_are_counted(client: Client, db: None) -> None:
    arena = make_arena(policies_in_pool=ROWS_SHOWN + 5)
    play(arena, 60)
    versions = {one.version for one in facts().shares if one.version}
    assert len(versions) > ROWS_SHOWN
    page = text(client)
    assert f"The worst {ROWS_SHOWN} are shown" in page
    assert f"Of {len(versions)} versions:" in page
    assert f"Of {len(versions)}:" in page
    told: Any = client.get("/api/v1/public/integrity?board=overall").json()
    assert len(told["concentration"]) == 3 + 3 * len(versions)


def test_the_footer_and_each_board_lead_here(client: Client, arena: Arena) -> None:
    play(arena, 3)
    snapshots.recompute_all(now=timezone.now())
    page = text(client, "/?board=overall")
    assert 'href="/integrity"' in page
    assert 'href="/integrity?board=overall"' in page


def test_a_limit_beyond_all_sessions_is_said_to_be_none() -> None:
    assert limits_text(pair_limits(1)) == "there is one alone"
    assert limits_text(pair_limits(2)) == f"watch from {percent(0.75)}, review from {percent(1)}"


def test_the_documentation_says_the_thresholds() -> None:
    """docs/integrity.md is written from the constants."""
    told = (settings.BASE_DIR / "docs" / "integrity.md").read_text()
    for title, limits in (("evaluator", EVALUATOR), ("lab", LAB), ("opponent", OPPONENT)):
        row = f"| one {title}'s share of a version's counted sessions |"
        assert f"{row} {100 * limits.watch:g} % | {100 * limits.review:g} %" in told
    assert f"| {INFLUENCE.watch:g} standard error, or another is first | {INFLUENCE.review:g} standard errors |" in told
    assert f"| below {100 * COMPLETION_BELOW:g} % | – | {COMPLETION_FROM} assignments |" in told
    assert f"{EVEN_SHARES.watch:g} and {EVEN_SHARES.review:g} times an even share" in told
    assert f"| {PROVISIONAL_BELOW} counted sessions |" in told


def test_all_figures_are_counted_by_state(client: Client, arena: Arena) -> None:
    play(arena, 2)
    found = verdicts(facts())
    assert f"Of all {len(found)} figures on this page" in text(client)
    assert f"{len(found)} cannot be told" in text(client)
