from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from arena.models import Role
from evaluations.models import Label, MediaFile
from tests.factories import Arena, finish_session, make_lab, make_person, open_session, upload_episode

CONTENT = bytes(range(256)) * 4


@pytest.fixture
def url(arena: Arena) -> str:
    session = open_session(arena)
    finish_session(session, video=CONTENT)
    return f"/sessions/{session.pk}/A/left.mp4"


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def fetch(client: Client, url: str, **headers: str) -> Answer:
    """The answer, read to its end."""
    answer: Any = client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return Answer(answer.status_code, answer.headers, body)


def test_the_whole_file(client: Client, url: str) -> None:
    answer = fetch(client, url)
    assert (answer.status, answer.body) == (200, CONTENT)
    assert (answer.headers["Accept-Ranges"], answer.headers["Content-Type"]) == ("bytes", "video/mp4")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-", 0, 1023),
        ("bytes=10-19", 10, 19),
        ("bytes=1000-5000", 1000, 1023),
        ("bytes=-24", 1000, 1023),
        ("bytes=-5000", 0, 1023),
        ("bytes=1023-1023", 1023, 1023),
    ],
)
def test_a_range(client: Client, url: str, asked: str, first: int, last: int) -> None:
    answer = fetch(client, url, range=asked)
    assert (answer.status, answer.body) == (206, CONTENT[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/1024"
    assert answer.headers["Content-Length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=5000-6000", "bytes=20-10", "bytes=-0"])
def test_a_range_outside_the_file(client: Client, url: str, asked: str) -> None:
    answer = fetch(client, url, range=asked)
    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */1024")


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "lines=1-2", "bytes=x-y", "bytes=-", f"bytes={'9' * 5000}-"])
def test_a_range_that_is_not_understood_gets_the_whole(client: Client, url: str, asked: str) -> None:
    assert fetch(client, url, range=asked).status == 200


def test_a_range_of_another_version_gets_the_whole(client: Client, url: str) -> None:
    etag = fetch(client, url).headers["ETag"]
    assert fetch(client, url, range="bytes=0-9", if_range=etag).status == 206
    assert fetch(client, url, range="bytes=0-9", if_range='"old"').status == 200


def test_an_unchanged_file_is_not_sent_again(client: Client, url: str) -> None:
    assert fetch(client, url, if_none_match=fetch(client, url).headers["ETag"]).status == 304


@pytest.mark.parametrize("path", ["A/right.mp4", "C/left.mp4", "A/trajectory.mp4", "A/../B/left.mp4"])
def test_there_is_nothing_else_to_fetch(client: Client, url: str, path: str) -> None:
    assert fetch(client, url.replace("A/left.mp4", path)).status == 404


def test_videos_of_an_open_session_are_its_evaluators_only(client: Client, arena: Arena) -> None:
    session = open_session(arena)
    upload_episode(session, Label.A, video=CONTENT)
    url = f"/sessions/{session.pk}/A/left.mp4"
    assert fetch(client, url).status == 404
    client.force_login(make_person("bob@example.org", lab=arena.lab, role=Role.ADMIN))
    assert fetch(client, url).status == 404
    client.force_login(make_person("charlie@example.org", lab=make_lab(), role=Role.OWNER))
    assert fetch(client, url).status == 404
    client.force_login(arena.dana)
    assert fetch(client, url).status == 200


def test_a_file_that_is_gone_from_the_disk_is_not_a_crash(client: Client, url: str) -> None:
    media = MediaFile.objects.get(side__label="A")
    media.file.storage.delete(str(media.file.name))
    assert fetch(client, url).status == 404
