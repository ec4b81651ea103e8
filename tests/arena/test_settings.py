"""The settings as processes read them: from the environment alone."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.urls import reverse

PROGRAM = """
import json, sys
from arena.config import settings
print(json.dumps({name: getattr(settings, name, None) for name in sys.argv[1:]}, default=str))
"""


def python(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "ARENA_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def read(*names: str, home: Path, **environment: str) -> dict[str, Any]:
    answer = python("-c", PROGRAM, *names, home=home, **environment)
    assert answer.returncode == 0, answer.stderr
    values: dict[str, Any] = json.loads(answer.stdout)
    return values


COOKIES = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS", "SECURE_PROXY_SSL_HEADER")
PLAIN = [False, False, 0, None]
BEHIND_TLS = [True, True, 3600, ["HTTP_X_FORWARDED_PROTO", "https"]]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, PLAIN),
        ({"PUBLIC_URL": "https://arena.example"}, BEHIND_TLS),
        ({"BEHIND_TLS": "yes"}, BEHIND_TLS),
        ({"PUBLIC_URL": "https://arena.example", "BEHIND_TLS": "no"}, PLAIN),
        ({"BEHIND_TLS": "yes", "HSTS_SECONDS": "60"}, [*BEHIND_TLS[:2], 60, BEHIND_TLS[3]]),
    ],
)
def test_cookies_travel_over_tls_alone_where_there_is_tls(
    tmp_path: Path, environment: dict[str, str], expected: list[Any]
) -> None:
    assert list(read(*COOKIES, home=tmp_path, **environment).values()) == expected


def test_the_host_that_people_are_told_is_answered(tmp_path: Path) -> None:
    local = ["127.0.0.1", "localhost", "[::1]"]
    assert read("ALLOWED_HOSTS", home=tmp_path) == {"ALLOWED_HOSTS": local}
    public = read("ALLOWED_HOSTS", home=tmp_path, PUBLIC_URL="https://Arena.Example:8443/")
    assert public == {"ALLOWED_HOSTS": [*local, "arena.example"]}
    given = read("ALLOWED_HOSTS", home=tmp_path, PUBLIC_URL="https://arena.example", ALLOWED_HOSTS="other.example")
    assert given == {"ALLOWED_HOSTS": ["other.example"]}


def test_an_empty_home_is_the_default_one(tmp_path: Path) -> None:
    home = read("ARENA_HOME", home=tmp_path, ARENA_HOME="", SECRET_KEY="k" * 50)["ARENA_HOME"]
    assert home == str(Path(settings.BASE_DIR) / "var")


def test_a_made_secret_key_is_kept_and_private(tmp_path: Path) -> None:
    first, second = (read("SECRET_KEY", home=tmp_path)["SECRET_KEY"] for _ in range(2))
    assert first == second
    assert len(first) == 64
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PORT": "abc"}, "PORT=abc is not a whole number.\n"),
        ({"LOG_LEVEL": "chatty"}, "LOG_LEVEL=CHATTY is none of DEBUG, INFO, WARNING, ERROR, CRITICAL.\n"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, environment: dict[str, str], sentence: str
) -> None:
    answer = python("manage.py", "check", home=tmp_path, **environment)
    assert (answer.returncode, answer.stdout, answer.stderr) == (1, "", sentence)


def test_the_default_configuration_passes_its_checks(tmp_path: Path) -> None:
    answer = python("manage.py", "check", "--fail-level", "WARNING", home=tmp_path, LOG_LEVEL="debug")
    assert (answer.returncode, answer.stdout) == (0, "System check identified no issues (0 silenced).\n")
    assert (tmp_path / "uploading").is_dir()


def test_large_uploads_land_beside_the_media() -> None:
    assert Path(settings.FILE_UPLOAD_TEMP_DIR).parent == settings.ARENA_HOME


@override_settings(SECURE_HSTS_SECONDS=60, SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"))
@pytest.mark.parametrize(("scheme", "expected"), [("https", "max-age=60"), ("http", None)])
def test_browsers_are_told_to_insist_on_tls(client: Client, db: None, scheme: str, expected: str | None) -> None:
    answer = client.get(reverse("sign-in"), HTTP_X_FORWARDED_PROTO=scheme)
    assert answer.headers.get("Strict-Transport-Security") == expected


def test_a_form_without_its_token_is_answered_by_our_page(db: None) -> None:
    answer = Client(enforce_csrf_checks=True).post(reverse("sign-in"), {"login": "x", "password": "y"})
    assert answer.status_code == 403
    assert "form_expired" in answer.content.decode()
