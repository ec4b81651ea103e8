"""Where e-mail is handed over, read from one address: smtp://user:password@host:587."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from arena.config.env import ConfigurationError


@dataclass(frozen=True)
class MailServer:
    backend: str = "arena.accounts.mail.PrivateFiles"
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    starttls: bool = False
    tls: bool = False


# scheme -> (port where none is named, STARTTLS, TLS from the start)
SCHEMES = {"smtp": (587, True, False), "smtps": (465, False, True), "smtp+plain": (25, False, False)}


def mail_server(name: str, url: str) -> MailServer:
    """`smtp` insists on STARTTLS; `smtp+plain` is for a server on the same machine. No address: files."""
    if not url:
        return MailServer()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in SCHEMES or not host:
        # Never the value itself: it holds a password.
        raise ConfigurationError(f"{name} is not an address like smtp://USER:PASSWORD@HOST:587")
    usual_port, starttls, tls = SCHEMES[parts.scheme]
    return MailServer(
        backend="django.core.mail.backends.smtp.EmailBackend",
        host=host,
        port=port or usual_port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starttls=starttls,
        tls=tls,
    )
