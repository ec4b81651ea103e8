from django.test import Client
from django.utils import timezone

from leaderboard import snapshots
from tests.factories import Arena, finish_session, open_session


def test_before_the_first_fit_the_board_is_empty(client: Client, db: None) -> None:
    assert client.get("/api/leaderboard").json() == {"last_updated": None, "board": []}


def test_the_board_has_the_websites_exact_shape(client: Client, arena: Arena) -> None:
    policy = arena.versions[0].policy
    policy.open_source = True
    policy.save(update_fields=["open_source"])
    for number in range(9):
        finish_session(open_session(arena, f"task {number}"))
    snapshots.recompute_all(now=timezone.now())
    answer = client.get("/api/leaderboard")
    assert answer["Access-Control-Allow-Origin"] == "*"
    body = answer.json()
    assert body.keys() == {"last_updated", "board"}
    assert body["last_updated"].endswith("Z")
    assert [row.keys() for row in body["board"]] == [
        {"policy", "score", "std", "open_source", "num_evals"} for _ in arena.versions
    ]
    assert [type(row["score"]) for row in body["board"]] == [int, int, int]
    scores = [row["score"] for row in body["board"]]
    assert scores == sorted(scores, reverse=True)
    assert abs(sum(scores) / 3 - 1500) <= 1
    assert [row["policy"] for row in body["board"] if row["open_source"]] == [arena.versions[0].label]
    assert sum(row["num_evals"] for row in body["board"]) == 18
