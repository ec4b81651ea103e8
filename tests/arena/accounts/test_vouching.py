"""Whoever has an account from an operator signs in without confirming the e-mail."""

from importlib import import_module

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core.management import call_command
from django.test import Client

from arena.models import Person
from tests.arena.accounts.steps import PASSWORD, is_signed_in, sign_in, sign_up
from tests.factories import make_lab

pytestmark = pytest.mark.django_db


def test_a_member_that_an_operator_made(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    monkeypatch.setenv("ALICES", PASSWORD)
    call_command("create_member", "Alice@example.org", lab=lab.slug, role="owner", password_env="ALICES")
    assert sign_in(client, "alice@example.org") == ""
    assert is_signed_in(client)


def test_an_account_of_djangos_own_command(client: Client) -> None:
    Person.objects.create_superuser("eve@example.org", PASSWORD)
    assert sign_in(client, "eve@example.org") == ""
    assert is_signed_in(client)


def test_accounts_made_before_addresses_were_confirmed() -> None:
    eve = Person.objects.create_superuser("eve@example.org", PASSWORD)
    sign_up(Client(), "mallory@example.org")
    migration = import_module("arena.migrations.0005_vouched_emails")
    migration.vouch(apps, None)
    assert EmailAddress.objects.get(user=eve).verified
    assert not EmailAddress.objects.get(email="mallory@example.org").verified
