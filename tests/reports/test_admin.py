"""Stewards read what was asked of models and what is left alone, and change neither."""

import pytest
from django.test import Client

from reports import calls, circuits
from reports.circuits import Entry
from reports.models import Circuit, ProviderCall
from tests.factories import make_steward
from tests.reports.test_calls import NOON
from tests.workers.providers.asking import question

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", ["providercall", "circuit"])
def test_a_steward_reads_every_row_and_changes_nothing(client: Client, model: str) -> None:
    client.force_login(make_steward())
    calls.begin(question(), provider="vllm", model="m", digest="d" * 64, now=NOON)
    circuits.failed(entry=Entry("vllm"), now=NOON, problem="the key is refused", at_once=True)
    row = (ProviderCall if model == "providercall" else Circuit).objects.get()
    page = f"/staff/reports/{model}/"
    assert "vllm" in client.get(page).content.decode()
    assert client.get(f"{page}{row.pk}/change/").status_code == 200
    assert client.post(f"{page}{row.pk}/change/", {"provider": "other"}).status_code == 403
    assert client.post(f"{page}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{page}add/").status_code == 403
