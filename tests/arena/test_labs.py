import pytest
from django.db import IntegrityError

from arena import labs, policies, stations
from arena.errors import Conflict
from arena.models import AuditEvent, Embodiment, Lab, Source

pytestmark = pytest.mark.django_db


def test_a_name_that_leads_to_a_taken_address_is_told_whose_it_is() -> None:
    labs.create_lab(name="R&D Lab")
    with pytest.raises(Conflict, match="RD Lab would have the address rd-lab, which is that of R&D Lab") as caught:
        labs.create_lab(name="RD Lab")
    assert caught.value.code == "lab_exists"
    with pytest.raises(Conflict, match="There is a lab named r&d lab already"):
        labs.create_lab(name="r&d lab")


def test_labs_that_an_import_names_have_addresses_of_their_own() -> None:
    labs.create_lab(name="RD Lab")
    for name in ("RD Lab", "R&D Lab", "R.D. Lab"):
        labs.create_lab(name=name, source=Source.IMPORTED)
    slugs = Lab.objects.filter(source=Source.IMPORTED).order_by("created_at").values_list("slug", flat=True)
    assert list(slugs) == ["rd-lab-imported", "rd-lab-imported-2", "rd-lab-imported-3"]
    with pytest.raises(Conflict, match="There is a lab named rd lab already"):
        labs.create_lab(name="rd lab", source=Source.IMPORTED)


def test_an_embodiment_is_one_whatever_its_letter_case() -> None:
    first = labs.embodiment_named("DROID")
    assert labs.embodiment_named("droid") == first
    with pytest.raises(IntegrityError):
        Embodiment.objects.create(name="Droid")


def test_the_longest_names_fit_into_the_audit_trail() -> None:
    lab = labs.create_lab(name="l" * 60)
    stations.create_station(lab=lab, name="s" * 60, cameras=["left"])
    policies.register_policy(lab=lab, name="p" * 80, version="v" * 40, endpoint_url="ws://policy.example")
    subjects = set(AuditEvent.objects.values_list("subject", flat=True))
    assert {"l" * 60 + "/" + "s" * 60, "p" * 80 + "@" + "v" * 40} <= subjects
