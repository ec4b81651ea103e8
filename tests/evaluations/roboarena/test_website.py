import json
from typing import Any

from django.test import Client

from tests.evaluations.roboarena.client import RoboArenaClient, closing_notes
from tests.factories import finish_session, make_arena, open_session


def listed(client: Client, question: str = "") -> list[dict[str, Any]]:
    """The list, which is written while it is read."""
    answer: Any = client.get(f"/api/list_ab_evaluations{question}")
    body = json.loads(b"".join(answer.streaming_content))
    assert body.keys() == {"evaluations"}
    evaluations: list[dict[str, Any]] = body["evaluations"]
    return evaluations


def test_a_finished_session_in_the_websites_exact_shape(client15: RoboArenaClient) -> None:
    session_id = client15.whole_session(closing_notes("TIE", "both did it"))
    assert client15.http.get("/api/list_ab_evaluations")["Access-Control-Allow-Origin"] == "*"
    (found,) = listed(client15.http)
    assert found.keys() == {
        "session_id",
        "university",
        "completion_time",
        "evaluator_name",
        "preference",
        "longform_feedback",
        "language_instruction",
        "policyA",
        "policyB",
    }
    assert (found["session_id"], found["preference"]) == (session_id, "TIE")
    assert (found["longform_feedback"], found["language_instruction"]) == ("both did it", "put the cup on the plate")
    assert found["completion_time"].endswith("Z")
    for side in ("policyA", "policyB"):
        assert found[side].keys() == {"name", "partial_success", "wrist_video_url", "third_person_video_url"}
        assert found[side]["partial_success"] == 0.4
        for camera in ("wrist_video_url", "third_person_video_url"):
            video = client15.http.get(found[side][camera])
            assert b"".join(video.streaming_content) == b"not really a video"  # type: ignore[attr-defined]


def test_evaluators_stay_pseudonymous(client15: RoboArenaClient) -> None:
    client15.whole_session()
    content = str(listed(client15.http))
    assert client15.arena.dana.pseudonym in content
    assert client15.email not in content


def test_only_valid_sessions_that_have_ended_are_listed(client15: RoboArenaClient) -> None:
    client15.whole_session(closing_notes(valid=False))
    half = client15.pair(language_instruction="another").json()["session_id"]
    client15.upload(half, "A")
    assert listed(client15.http) == []


def test_the_newest_comes_first(client15: RoboArenaClient) -> None:
    ids = [client15.whole_session() for _ in range(3)]
    assert [row["session_id"] for row in listed(client15.http)] == ids[::-1]


def test_simulation_is_listed_apart_and_named(client: Client, db: None) -> None:
    session = finish_session(open_session(make_arena(simulated=True)))
    finish_session(open_session(make_arena()))
    assert str(session.pk) not in str(listed(client))
    (found,) = listed(client, "?board=simulation")
    assert found["university"].endswith("(simulation)")


def test_the_number_of_queries_does_not_grow_with_the_list(
    client15: RoboArenaClient, django_assert_max_num_queries: object
) -> None:
    for _ in range(4):
        client15.whole_session()
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        assert len(listed(client15.http)) == 4


def test_without_reports_the_website_is_told_in_its_own_words(client: Client, db: None) -> None:
    answer = client.get("/api/policy_analysis.json")
    assert (answer.status_code, answer.json()) == (404, {"error": "analysis report not available"})
    assert answer["Access-Control-Allow-Origin"] == "*"
