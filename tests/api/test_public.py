"""What is open to all, and the words and tasks that a session is described in."""

import json
from typing import Any

import pgtrigger
from django.utils import timezone

from arena.models import Person
from evaluations import guesses, sessions, submissions
from evaluations.models import Label, Session, Side
from leaderboard import snapshots
from tests.api.conftest import Api, code, in_browser
from tests.factories import Arena, finish_session, make_arena, make_version, open_session, upload_episode


def test_sessions_are_public_once_they_are_revealed(arena: Arena, anyone: Api) -> None:
    opened = open_session(arena, "one that is open")
    ended = finish_session(open_session(arena, "one that ended"), video=b"x")
    page = anyone.get("public/sessions?board=overall").json()
    assert [one["id"] for one in page["results"]] == [str(ended.pk)]
    told = page["results"][0]
    assert told["evaluator"] == arena.dana.pseudonym
    assert arena.dana.email not in json.dumps(page)
    assert {side["policy"]["slug"] for side in told["sides"].values()} <= {v.policy.slug for v in arena.versions}
    assert (told["draw_kind"], told["pair_probability"], told["pool_size"]) == ("normal", ended.pair_probability, 3)
    assert told["sides"]["A"]["media"][0]["video_url"] == f"/sessions/{ended.pk}/A/left.mp4"
    assert anyone.get(f"public/sessions/{ended.pk}").json() == told
    assert code(anyone.get(f"public/sessions/{opened.pk}")) == (404, "session_unknown")
    assert code(anyone.get("public/sessions?board=nothing")) == (404, "board_unknown")


def test_a_veiled_session_is_not_public_before_the_guess(arena: Arena, anyone: Api) -> None:
    session = open_session(arena)
    for label in Label:
        upload_episode(session, label)
    now = timezone.now()
    submissions.submit_draft(session=session, now=now, veiled=True, entries={"preference": "A"})
    assert code(anyone.get(f"public/sessions/{session.pk}")) == (404, "session_unknown")
    assert anyone.get("public/sessions?board=overall&show=all").json()["count"] == 0
    guesses.answer(session=session, policy_a=None, policy_b=None, now=now)
    assert anyone.get(f"public/sessions/{session.pk}").status_code == 200


def test_those_that_do_not_count_are_shown_on_request(arena: Arena, anyone: Api) -> None:
    sessions.abandon(session=open_session(arena), now=timezone.now(), by=arena.dana)
    assert anyone.get("public/sessions?board=overall").json()["count"] == 0
    assert anyone.get("public/sessions?board=overall&show=all").json()["results"][0]["reason"] == "evaluator_left"


def test_public_lists_cost_the_same_however_long(arena: Arena, anyone: Api, django_assert_max_num_queries: Any) -> None:
    finish_session(open_session(arena), video=b"x")
    with django_assert_max_num_queries(20) as asked:
        anyone.get("public/sessions?board=overall")
    for _ in range(4):
        finish_session(open_session(arena), video=b"x")
    with django_assert_max_num_queries(len(asked)):
        assert anyone.get("public/sessions?board=overall").json()["count"] == 5


def test_the_board(arena: Arena, anyone: Api) -> None:
    assert code(anyone.get("public/leaderboard?board=overall")) == (404, "snapshot_unknown")
    for _ in range(4):
        finish_session(open_session(arena))
    snapshots.recompute_all(now=timezone.now())
    board = anyone.get("public/leaderboard?board=overall").json()
    assert board["board"] == "overall"
    assert sum(row["n"] for row in board["rows"]) == 8
    assert all(row["low"] <= row["score"] <= row["high"] and row["provisional"] for row in board["rows"])
    assert anyone.get(f"/snapshots/{board['snapshot']}/input.csv")["ETag"] == f'"{board["input_sha256"]}"'


def test_the_words(anyone: Api) -> None:
    words = anyone.get("vocabulary").json()
    assert {"value": "froze", "label": "froze"} in words["failure_modes"]
    assert "lease_expired" not in {word["value"] for word in words["abandon_reasons"]}
    assert words["limits"]["photo_bytes"] == 20 * 1024 * 1024


def test_a_rubric_for_a_task(dana: Api, anyone: Api) -> None:
    told = dana.get("rubric?instruction=open the drawer").json()
    assert (told["category"], told["rubric"][-1]["percent"]) == ("open-close", 100)
    assert code(dana.get("rubric")) == (400, "invalid_input")
    assert code(dana.get("rubric?instruction=%E2%80%AEx")) == (400, "instruction_unreadable")
    assert code(anyone.get("rubric?instruction=x")) == (401, "not_signed_in")


def test_what_a_lab_asked_last(arena: Arena, dana: Api, bob: Person) -> None:
    for task in ("one", "two", "one"):
        finish_session(open_session(arena, task))
    page = dana.get(f"stations/{arena.station.pk}/tasks").json()
    assert [task["instruction"] for task in page["results"]] == ["one", "two"]
    assert code(in_browser(bob).get(f"stations/{arena.station.pk}/tasks")) == (404, "station_unknown")


def swapped(session: Session, arena: Arena) -> None:
    """The same session with another pair, as if the draw had fallen otherwise. A trigger forbids it: around it."""
    others = [make_version(lab=arena.owners) for _ in range(2)]
    with pgtrigger.ignore("evaluations.Side:side_immutable"):
        for label, version in zip(Label, others, strict=True):
            Side.objects.filter(session=session, label=label).update(version=version)


def test_another_pair_changes_no_byte_of_what_the_evaluator_is_told(db: None) -> None:
    arena = make_arena(policies_in_pool=4)
    session = open_session(arena)
    upload_episode(session, Label.A, video=b"x")
    browser = in_browser(arena.dana)
    paths = ("", "/live")

    def told() -> list[Any]:
        answers = [browser.get(f"sessions/{session.pk}{path}").json() for path in paths]
        answers.append(browser.get("sessions").json()["results"][0])
        return [{name: value for name, value in answer.items() if name != "now"} for answer in answers]

    before = told()
    names = {text for version in arena.versions for text in (version.policy.slug, version.policy.name)}
    assert not [name for name in names if name in json.dumps(before)]
    swapped(session, arena)
    assert told() == before
