"""The method page and its twin in the API."""

from typing import Any

from django.test import Client, override_settings

from evaluations.models import Preference
from evaluations.pairing import FLOOR
from tests.factories import Arena, finish_session, open_session


def play_twice(arena: Arena, *preferences: Preference) -> None:
    with override_settings(SAME_POLICY_SHARE=1.0):
        for preference in preferences:
            finish_session(open_session(arena), preference=preference, progress=(0.5, 0.4))


@override_settings(REPEAT_SHARE=0.05, SAME_POLICY_SHARE=0.025)
def test_what_is_not_measured_yet_says_so(client: Client, db: None) -> None:
    page = client.get("/method").content.decode()
    assert page.count("Not yet measured") == 4
    assert "about 5 in 100 are to repeat" in page
    assert "2.5 in 100 run one policy on both sides" in page


def test_a_share_of_0_is_said_to_be_off(client: Client, db: None) -> None:
    page = client.get("/method").content.decode()
    assert "repeats are switched off here" in page
    assert "one policy on both sides is switched off" in page


def test_each_figure_has_its_interval_its_number_and_a_sentence(client: Client, arena: Arena) -> None:
    play_twice(arena, Preference.TIE, Preference.A, Preference.B, Preference.A)
    page = client.get("/method").content.decode()
    assert "25 % (95 % interval 5 to 70 %)" in page
    assert ", 4 sessions." in page
    assert ", 3 preferences." in page
    assert page.count("Not yet measured") == 3
    assert "one side is preferred all the same in 75 of 100 sessions" in page
    assert "cannot be said yet" not in page
    assert "10.0 points (95 % interval 0.0 to 59.0)" in page


def test_the_api_tells_the_same(client: Client, arena: Arena) -> None:
    play_twice(arena, Preference.TIE, Preference.A)
    told: Any = client.get("/api/v1/public/method").json()
    assert told["draws"] == {"floor": FLOOR, "repeat_share": 0, "same_policy_share": 0, "most_repeats": 0.25}
    assert told["blinding"][0] == {"board": "overall", "sessions": 0, "rightly": None, "by_chance": None}
    real, simulation = told["noise"]
    assert (real["board"], simulation["board"]) == ("overall", "simulation")
    assert real["same_policy"]["sessions"] == 2
    assert (real["same_policy"]["ties"]["value"], real["same_policy"]["ties"]["n"]) == (0.5, 2)
    assert real["repeats"] == {"asked_again": 0, "same": None, "flipped": None, "agreement": None, "spread": None}
    assert simulation["same_policy"]["ties"] is None


def test_the_number_of_queries_does_not_grow(client: Client, arena: Arena, django_assert_max_num_queries: Any) -> None:
    play_twice(arena, *[Preference.A] * 5)
    with django_assert_max_num_queries(14):
        client.get("/method")
