import pytest
from django.core import checks
from django.test import override_settings

PUBLIC = {"PUBLIC_URL": "https://arena.example", "ALLOWED_HOSTS": ["arena.example"], "EMAIL_HOST": "mail.example"}
RELAY = {"RELAY_PUBLIC_URL": "wss://relay.example"}


def found() -> list[str]:
    return sorted(message.id or "" for message in checks.run_checks() if (message.id or "").startswith("arena."))


def test_the_defaults_fit_together() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (PUBLIC | RELAY, []),
        (PUBLIC | RELAY | {"ALLOWED_HOSTS": [".example"]}, []),
        (PUBLIC | RELAY | {"ALLOWED_HOSTS": ["*"]}, []),
        (PUBLIC | RELAY | {"EMAIL_HOST": ""}, ["arena.W004"]),
        (PUBLIC | RELAY | {"ALLOWED_HOSTS": ["localhost"]}, ["arena.W002"]),
        (PUBLIC | {"RELAY_PUBLIC_URL": "ws://127.0.0.1:8001"}, ["arena.W003"]),
        (PUBLIC | {"RELAY_PUBLIC_URL": "ws://localhost:8001"}, ["arena.W003"]),
        (PUBLIC | {"RELAY_PUBLIC_URL": "ws://[::1]:8001"}, ["arena.W003"]),
        ({"PUBLIC_URL": "http://[::1]:8000", "RELAY_PUBLIC_URL": "ws://[::1]:8001"}, []),
        ({"RELAY_PUBLIC_URL": "http://relay.example"}, ["arena.E001"]),
        ({"REPEAT_SHARE": 0.2, "SAME_POLICY_SHARE": 0.05}, []),
        ({"REPEAT_SHARE": 0.2, "SAME_POLICY_SHARE": 0.06}, ["arena.E002"]),
        ({"SECRET_KEY": "k" * 31}, ["arena.W001"]),
        ({"SECRET_KEY": "k" * 32}, []),
    ],
)
def test_what_fits_badly_together_is_said(changed: dict[str, object], expected: list[str]) -> None:
    with override_settings(**changed):
        assert found() == expected
