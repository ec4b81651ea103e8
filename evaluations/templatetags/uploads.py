"""`{% uploads_of side %}`: the files of a side, and the place to add some. static/js/uploads.js brings it to life."""

from typing import Any

from django import template
from django.conf import settings
from django.urls import reverse

from evaluations.files import MAX_CAMERAS
from evaluations.models import Side

register = template.Library()


@register.inclusion_tag("evaluations/uploads.html")
def uploads_of(side: Side) -> dict[str, Any]:
    """Expects a side whose session has its station, and whose media may be prefetched."""
    station = side.session.station
    return {
        "side": side,
        "session_id": side.session_id,
        "files": side.files,
        "cameras": ",".join(station.cameras) if station else "",
        "endpoint": reverse("api-uploads"),
        "max_bytes": settings.MAX_UPLOAD_BYTES,
        "max_mb": settings.MAX_UPLOAD_BYTES // 1024**2,
        "max_files": MAX_CAMERAS,
    }
