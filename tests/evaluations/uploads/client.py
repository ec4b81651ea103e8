"""A tus client in a few lines, on Django's test client."""

import base64
from dataclasses import dataclass
from typing import Any

from django.test import Client

from arena.models import Person
from evaluations.models import Session

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = "application/offset+octet-stream"


def metadata(**said: str) -> str:
    return ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in said.items())


@dataclass
class TusClient:
    http: Client

    @classmethod
    def of(cls, person: Person) -> "TusClient":
        http = Client()
        http.force_login(person)
        return cls(http)

    def create(self, session: Session, *, size: int, side: str = "A", kind: str = "left", **said: str) -> Any:
        said = {"session": str(session.pk), "side": side, "kind": kind, "filename": "left.mp4"} | said
        return self.post({"Upload-Length": str(size), "Upload-Metadata": metadata(**said)})

    def post(self, headers: dict[str, str]) -> Any:
        return self.http.generic("POST", "/api/v1/uploads", headers=TUS | headers)

    def begin(self, session: Session, *, size: int, **said: str) -> str:
        answer = self.create(session, size=size, **said)
        assert answer.status_code == 201, answer.content
        return str(answer["Location"]).partition("testserver")[2]

    def patch(self, url: str, offset: int, data: bytes, **headers: str) -> Any:
        return self.http.patch(url, data, PIECE, headers=TUS | {"Upload-Offset": str(offset)} | headers)

    def head(self, url: str) -> Any:
        return self.http.head(url, headers=TUS)

    def delete(self, url: str) -> Any:
        return self.http.delete(url, headers=TUS)

    def send(self, session: Session, data: bytes, **said: str) -> str:
        """The whole file in one piece."""
        url = self.begin(session, size=len(data), **said)
        answer = self.patch(url, 0, data)
        assert answer.status_code == 204, answer.content
        return url


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]
