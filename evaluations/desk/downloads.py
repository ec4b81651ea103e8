"""Files that owners take home."""

from django.http import FileResponse

from evaluations.models import MediaFile


def served(media: MediaFile) -> FileResponse:
    name = f"{media.side.session_id}-{media.side.label}.npz"
    return FileResponse(
        media.file.open("rb"), as_attachment=True, filename=name, content_type="application/octet-stream"
    )
