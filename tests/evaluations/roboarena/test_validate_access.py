import pytest

from arena import keys
from arena.errors import AccessDenied
from arena.models import ClientKey, Membership, Role
from tests.evaluations.roboarena.client import RoboArenaClient
from tests.factories import make_lab, make_person


def test_the_code_and_the_email_belong_together(client15: RoboArenaClient) -> None:
    assert client15.validate().status_code == 200


def test_the_emails_letter_case_does_not_matter(client15: RoboArenaClient) -> None:
    assert client15.validate(evaluator_email=client15.email.upper()).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [{"evaluator_code": "wrong"}, {"evaluator_email": "eve@example.org"}, {"evaluator_code": "wrong" * 30}],
)
def test_anything_else_is_refused_without_saying_which(client15: RoboArenaClient, changes: dict[str, str]) -> None:
    answer = client15.validate(**changes)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "bad_access_code")
    assert not any(value in answer.content.decode() for value in changes.values())


def test_a_revoked_code_is_refused(client15: RoboArenaClient) -> None:
    keys.revoke_client_key(key=client15.arena.key)
    assert client15.validate().status_code == 401


def test_a_code_ends_with_the_membership(client15: RoboArenaClient) -> None:
    Membership.objects.filter(person=client15.arena.dana).delete()
    assert client15.validate().status_code == 401


def test_a_code_of_a_person_who_was_switched_off_is_refused(client15: RoboArenaClient) -> None:
    dana = client15.arena.dana
    dana.is_active = False
    dana.save(update_fields=["is_active"])
    assert client15.validate().status_code == 401


def test_guessing_is_stopped_and_stops_nobody_else(client15: RoboArenaClient) -> None:
    for _ in range(20):
        client15.validate(evaluator_code="guess")
    answer = client15.validate(evaluator_code="guess")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_attempts")
    assert client15.validate().status_code == 200


def test_the_code_itself_is_stored_nowhere(client15: RoboArenaClient) -> None:
    row = ClientKey.objects.values().get(pk=client15.arena.key.pk)
    assert client15.arena.code not in str(row)


def test_a_code_is_only_made_for_a_member(client15: RoboArenaClient) -> None:
    charlie = make_person("charlie@example.org", lab=make_lab(), role=Role.EVALUATOR)
    with pytest.raises(AccessDenied, match="no member"):
        keys.create_client_key(person=charlie, station=client15.arena.station)
