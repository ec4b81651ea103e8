"""What must be the same at the next start and stands nowhere else: passwords, access codes, API keys, ports."""

import json
import secrets
import socket
from dataclasses import asdict, dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
# Below the ports that the system gives to clients by chance, so that the same ones are free at the next start.
_PORTS = range(20000, 30000)


class NoPorts(Exception):
    """Too many ports are taken."""


@dataclass
class Keepsakes:
    path: Path
    first_port: int = 0
    passwords: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    api_keys: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "Keepsakes":
        try:
            return cls(path, **json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return cls(path)

    def exist(self) -> bool:
        return self.path.exists()

    def save(self) -> None:
        kept = {name: value for name, value in asdict(self).items() if name != "path"}
        draft = self.path.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(kept, indent=2), encoding="utf-8")
        draft.rename(self.path)

    def password(self, email: str) -> str:
        """Saved before an account is made with it: an interrupted start leaves no account that nobody can enter."""
        if email not in self.passwords:
            self.passwords[email] = secrets.token_urlsafe(12)
            self.save()
        return self.passwords[email]

    def keep_code(self, email: str, code: str) -> None:
        self.codes[email] = code
        self.save()

    def keep_api_key(self, email: str, key: str) -> None:
        self.api_keys[email] = key
        self.save()

    def ports(self, count: int) -> range:
        """So many ports in a row, the same ones ever after: endpoints are registered with them."""
        if not self.first_port:
            starts = _PORTS[::count]
            offset = secrets.randbelow(len(starts))
            candidates = (range(first, first + count) for first in (*starts[offset:], *starts[:offset]))
            found = next((ports for ports in candidates if ports.stop <= _PORTS.stop and not taken(ports)), None)
            if found is None:
                raise NoPorts(f"No {count} free ports in a row were found between {_PORTS.start} and {_PORTS.stop}.")
            self.first_port = found.start
            self.save()
        return range(self.first_port, self.first_port + count)


def taken(ports: range) -> list[int]:
    return [port for port in ports if not _is_free(port)]


def _is_free(port: int) -> bool:
    try:
        with socket.create_server((HOST, port)):
            return True
    except OSError:
        return False
