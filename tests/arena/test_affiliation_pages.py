from django.test import Client

from arena import affiliations
from arena.models import Affiliation
from tests.arena.conftest import Cast, as_person

PATH = "/lab/owners/affiliations"


def test_an_admin_declares_and_a_steward_declares_and_ends(cast: Cast) -> None:
    alice, eve = as_person(cast.alice), as_person(cast.eve)
    assert alice.post(PATH, {"other": cast.others.pk, "comment": "a student in both"}).status_code == 302
    assert eve.post(PATH, {"other": cast.evaluators.pk}).status_code == 302
    assert affiliations.barred_labs([cast.owners.pk]) == {cast.others.pk, cast.evaluators.pk}
    page = alice.get(PATH).content.decode()
    assert "a student in both" in page
    assert "/end" not in page
    first = Affiliation.objects.get(other=cast.others)
    assert alice.post(f"{PATH}/{first.pk}/end").status_code == 403
    assert eve.post(f"{PATH}/{first.pk}/end").status_code == 302
    assert affiliations.barred_labs([cast.owners.pk]) == {cast.evaluators.pk}
    assert "Evaluators" in as_person(cast.bob).get("/lab").content.decode()
    assert "Owners" in as_person(cast.dana).get("/lab").content.decode()


def test_nobody_else_declares_any(cast: Cast) -> None:
    for person, status in ((cast.bob, 403), (cast.charlie, 404), (cast.dana, 404)):
        assert as_person(person).get(PATH).status_code == status
        assert as_person(person).post(PATH, {"other": cast.others.pk}).status_code == status
    assert Client().post(PATH, {"other": cast.others.pk}).status_code == 302
    assert as_person(cast.eve).get("/lab/nowhere/affiliations").status_code == 404
    assert not Affiliation.objects.exists()


def test_the_form_refuses_the_lab_itself_and_what_is_no_lab(cast: Cast) -> None:
    alice = as_person(cast.alice)
    for other in (cast.owners.pk, 999, "x", ""):
        assert alice.post(PATH, {"other": other, "comment": "words kept"}).status_code == 400
    assert "words kept" in alice.post(PATH, {"comment": "words kept"}).content.decode()
