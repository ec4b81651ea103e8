"""Where e-mail goes, read from EMAIL_URL."""

import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage, get_connection

from arena.config.env import ConfigurationError
from arena.config.mail import MailServer, mail_server
from arena.config.providers import providers, sign_in_pages

SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", MailServer()),
        ("smtp://mail.example", MailServer(SMTP, "mail.example", 587, starttls=True)),
        (
            "smtps://arena%40lab.example:p%40ss%3Aword@mail.example:4650",
            MailServer(SMTP, "mail.example", 4650, "arena@lab.example", "p@ss:word", tls=True),
        ),
        ("smtp+plain://127.0.0.1", MailServer(SMTP, "127.0.0.1", 25)),
    ],
)
def test_one_address_says_all(url: str, expected: MailServer) -> None:
    assert mail_server("EMAIL_URL", url) == expected


@pytest.mark.parametrize("url", ["mail.example", "https://mail.example", "smtp://", "smtp://u:secret@h:port"])
def test_what_is_none_is_said_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        mail_server("EMAIL_URL", url)
    assert "EMAIL_URL" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_without_one_each_message_is_a_private_file(tmp_path: Path, settings: Any) -> None:
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    with get_connection("arena.accounts.mail.PrivateFiles") as connection:
        EmailMessage("Subject", "Text", "a@example.org", ["b@example.org"], connection=connection).send()
    assert stat.S_IMODE((tmp_path / "mail").stat().st_mode) == 0o700
    [written] = (tmp_path / "mail").iterdir()
    assert "To: b@example.org" in written.read_text()


def test_half_of_a_providers_credentials_is_a_sentence() -> None:
    with pytest.raises(ConfigurationError, match="GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET are set together"):
        providers(google=("id", ""), github=("", ""))


def test_forms_may_lead_to_the_configured_providers_only() -> None:
    configured = providers(google=("", ""), github=("id", "secret"))
    assert sign_in_pages(configured) == ["https://github.com"]
