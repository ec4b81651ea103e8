"""Ordering in the browser and through the API, and what an owner is told."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from arena.models import Person, Role
from credits import ledger
from evaluations.models import EvaluationRequest, PairEvidence
from evaluations.requests import forecast, orders
from evaluations.requests.orders import Conditions
from tests.factories import Arena, finish_session, make_person, open_session

always = pytest.mark.usefixtures("_always_requested")


@pytest.fixture
def client(alice: Person) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def test_the_price_is_shown_before_anything_is_held(arena: Arena, client: Client) -> None:
    finish_session(open_session(arena))
    at = f"/requests/new/{arena.versions[0].label}"
    assert client.get(at).status_code == 200
    sent = {"wanted": 5, "opponents": [arena.versions[1].pk], "categories": ["pick-place"]}
    shown = client.post(at, sent).content.decode()
    assert "It holds 5 credits of 20." in shown
    assert "it takes about 280 days" in shown
    assert not EvaluationRequest.objects.exists()
    placed = client.post(at, sent | {"place": "1"})
    request = EvaluationRequest.objects.get()
    assert placed.headers["Location"] == f"/requests/{request.pk}"
    assert [opponent.pk for opponent in request.opponents.all()] == [arena.versions[1].pk]
    assert (request.wanted, request.categories) == (5, ["pick-place"])
    page = client.get(f"/requests/{request.pk}").content.decode()
    assert "0 of 5" in page
    assert "Pick and Place" in page


def test_what_cannot_be_paid_is_said_at_its_field(arena: Arena, client: Client) -> None:
    answer = client.post(f"/requests/new/{arena.versions[0].label}", {"wanted": 21, "place": "1"})
    assert answer.status_code == 400
    assert "That takes 21 credits, and 20 are at the lab" in answer.content.decode()


def test_until_means_the_end_of_that_day(arena: Arena, client: Client) -> None:
    day = (timezone.now() + timedelta(days=3)).date()
    client.post(f"/requests/new/{arena.versions[0].label}", {"wanted": 1, "until": day.isoformat(), "place": "1"})
    until = EvaluationRequest.objects.get().until
    assert until is not None
    assert (until.date(), until.hour) == (day, 23)


def test_it_is_paused_resumed_and_cancelled(arena: Arena, alice: Person, client: Client) -> None:
    request = orders.place(version=arena.versions[0], wanted=2, by=alice, now=timezone.now())
    for word, state in (("pause", "paused"), ("resume", "open"), ("cancel", "cancelled")):
        assert client.post(f"/requests/{request.pk}/{word}").status_code == 302
        request.refresh_from_db()
        assert request.state == state
    page = client.get(f"/requests/{request.pk}").content.decode()
    assert "2 returned" in page
    assert "Pause" not in page


@always
def test_progress_is_told_in_steps(arena: Arena, alice: Person, client: Client) -> None:
    """An owner who watches sees nothing of one evaluation: not in the request, its sessions, or the credits."""
    request = orders.place(version=arena.versions[0], wanted=7, by=alice, now=timezone.now())
    places = [f"/api/v1/requests/{request.pk}", "/api/v1/requests", f"/api/v1/labs/{arena.owners.slug}/credits"]
    looks = []
    for number in range(7):
        looks.append([client.get(place).json() for place in places])
        finish_session(open_session(arena, f"task {number}"))
    told = [look[0]["done"] for look in looks]
    assert told == [0, 0, 0, 0, 0, 5, 5]
    assert [_quiet(look) for look in looks[:5]] == [_quiet(looks[0])] * 5
    over = client.get(places[0]).json()
    assert (over["state"], over["done"], len(over["sessions"])) == ("done", 7, 7)


def _quiet(look: list[dict[str, object]]) -> list[dict[str, object]]:
    """Without the pace, which all sessions of the last weeks make, whoever caused them."""
    return [{name: value for name, value in part.items() if name != "days_left"} for part in look]


def test_programs_order_with_a_forecast(arena: Arena, client: Client) -> None:
    first, second = arena.versions[:2]
    low, high = sorted((first.pk, second.pk))
    PairEvidence.objects.create(
        version_low_id=low,
        version_high_id=high,
        wins=1,
        ties=0,
        losses=0,
        alpha=0.05,
        preference={},
        progress={},
        more_sessions=300,
    )
    asked = {"version": first.label, "wanted": 3, "opponents": [second.label], "stop_when_decided": True}
    expected = client.post("/api/v1/requests/forecast", asked, content_type="application/json").json()
    assert expected == {
        "price": 3,
        "days": None,
        "sharing": 0,
        "against": [{"opponent": second.label, "verdict": "undecided", "more_sessions": 300}],
    }
    placed = client.post("/api/v1/requests", asked, content_type="application/json")
    assert placed.status_code == 201
    assert (placed.json()["state"], placed.json()["opponents"]) == ("open", [second.label])
    at = f"/api/v1/requests/{placed.json()['id']}"
    assert client.post(f"{at}/cancel", {}, content_type="application/json").json()["state"] == "cancelled"
    again = client.post(f"{at}/resume", {}, content_type="application/json")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "request_over")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"version": "nothing@1"}, 404, "version_unknown"),
        ({"opponents": ["nothing@1"]}, 404, "opponent_unknown"),
        ({"wanted": 0}, 400, "invalid_input"),
        ({"wanted": 21}, 409, "not_enough_credits"),
        ({"categories": ["juggling"]}, 400, "invalid_input"),
        ({"unknown": 1}, 400, "invalid_input"),
    ],
)
def test_errors_have_codes(arena: Arena, client: Client, change: dict[str, object], status: int, code: str) -> None:
    asked = {"version": arena.versions[0].label, "wanted": 1} | change
    answer = client.post("/api/v1/requests", asked, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert ledger.account_of(arena.owners).balance == 20


def test_evaluators_of_the_lab_read_and_do_not_order(arena: Arena, alice: Person) -> None:
    request = orders.place(version=arena.versions[0], wanted=2, by=alice, now=timezone.now())
    bob = Client()
    bob.force_login(make_person("bob@example.org", lab=arena.owners, role=Role.EVALUATOR))
    page = bob.get(f"/requests/{request.pk}")
    assert page.status_code == 200
    assert "Cancel" not in page.content.decode()
    assert bob.post(f"/requests/{request.pk}/cancel").status_code == 403
    assert bob.get(f"/requests/new/{arena.versions[0].label}").status_code == 403


def test_the_forecast_counts_who_could_serve(arena: Arena, alice: Person) -> None:
    now = timezone.now()
    version = arena.versions[0]
    for number in range(3):
        finish_session(open_session(arena, f"open drawer {number}"))
    finish_session(open_session(arena, "put the cup on the plate"), valid=False)

    def days(wanted: int, **conditions: object) -> float | None:
        said = Conditions(**conditions)  # type: ignore[arg-type]
        later = now + timedelta(minutes=5)
        return forecast.forecast(version=version, wanted=wanted, conditions=said, now=later).days

    assert days(3) == pytest.approx(3 / (3 / 28 * 0.5))
    assert days(3, categories=["pick-place"]) is None
    assert (
        forecast.forecast(version=version, wanted=3, conditions=Conditions(), now=now + timedelta(days=29)).days is None
    )
