from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from arena.models import Role
from evaluations import sessions
from evaluations.models import Guess, Preference, Session
from evaluations.sessions import Judgement
from tests.evaluations.evaluate.forms import address
from tests.factories import Arena, make_person, make_version, open_session


def judged(arena: Arena) -> Session:
    judgement = Judgement(preference=Preference.A, notes="", valid=False)
    return sessions.submit(session=open_session(arena), judgement=judgement, now=timezone.now(), veiled=True)


def test_the_question_comes_before_the_names(dana: Client, arena: Arena) -> None:
    session = judged(arena)
    content = dana.get(address(session)).content.decode()
    assert "which policies do you think these were" in content
    for version in arena.versions:  # all are offered, for both sides
        assert content.count(f'value="{version.policy.slug}"') == 2


def test_an_answer_is_kept_and_reveals(dana: Client, arena: Arena) -> None:
    session = judged(arena)
    slugs = [side.version.policy.slug for side in session.sides.all()]
    other = next(version.policy.slug for version in arena.versions if version.policy.slug not in slugs)
    dana.post(address(session, "/guess"), {"policy_a": slugs[0], "policy_b": other})
    guess = Guess.objects.get()
    assert (guess.policy_a.slug, guess.policy_b.slug) == (slugs[0], other)  # type: ignore[union-attr]
    content = dana.get(address(session)).content.decode()
    assert "The policies were" in content
    assert "Your guess was right" in content
    assert "Your guess was another one" in content


def test_skipping_reveals_and_keeps_no_guess(dana: Client, arena: Arena) -> None:
    session = judged(arena)
    dana.post(address(session, "/guess"), {"policy_a": arena.versions[0].policy.slug, "skip": "yes"})
    assert not Guess.objects.exists()
    session.refresh_from_db()
    assert session.revealed_at is not None


def test_a_policy_that_is_none_to_choose_from_is_refused(dana: Client, arena: Arena) -> None:
    session = judged(arena)
    answer = dana.post(address(session, "/guess"), {"policy_a": "no-such-policy"})
    assert answer.status_code == 400
    assert "none of those to choose from" in answer.content.decode()
    session.refresh_from_db()
    assert session.is_blind


def test_nothing_is_revealed_before_the_judgement(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    assert dana.post(address(session, "/guess"), {"skip": "yes"}).headers["Location"] == address(session)
    session.refresh_from_db()
    assert session.is_blind


def test_it_is_nobody_elses(client: Client, arena: Arena) -> None:
    session = judged(arena)
    client.force_login(make_person("bob@example.org", lab=arena.lab, role=Role.ADMIN))
    assert client.get(address(session)).status_code == 404
    assert client.post(address(session, "/guess"), {"skip": "yes"}).status_code == 404


def test_the_pages_take_few_queries_however_many_policies(
    dana: Client, arena: Arena, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    session = judged(arena)
    with django_assert_max_num_queries(20) as before:
        dana.get(address(session))
    for _ in range(10):
        make_version(lab=arena.owners)
    with django_assert_max_num_queries(len(before)):
        dana.get(address(session))
    dana.post(address(session, "/guess"), {"skip": "yes"})
    with django_assert_max_num_queries(20):
        dana.get(address(session))
