"""What every page knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    return {"demo_installation": settings.DEMO, "mail_is_sent": bool(settings.EMAIL_HOST)}
