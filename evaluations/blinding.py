"""What keeps the two sides of a session apart from each other and from the policies behind them.

The client is told an address of our relay that holds a token; the policy server is told a wire session id. Neither
holds the public session id or says which side it is, and neither can be computed without our secret.
"""

import base64
import hashlib
import hmac
import secrets
import uuid

from django.conf import settings


def relay_token(*, session_id: uuid.UUID, label: str) -> str:
    """The token of one side. Derived, so that a repeat is told the same one and the database holds no token."""
    message = f"relay token {session_id} {label}".encode()
    digest = hmac.digest(settings.SECRET_KEY.encode(), message, "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def token_digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def new_wire_session_id() -> str:
    return secrets.token_hex(16)
