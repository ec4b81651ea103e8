"""The page of the public data, and its files."""

from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from reports.exports import exports, writing
from reports.exports.schema import SCHEMA_VERSION
from reports.exports.tables import TABLES


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    found = list(exports.kept())
    context = {
        "latest": found[0] if found else None,
        "earlier": found[1:],
        "waiting": exports.waiting(),
        "bibtex": writing.bibtex(found[0].day) if found else "",
        "boards": [file.name for file in found[0].files.all() if file.name.startswith("board-")] if found else [],
        "tables": TABLES,
        "licence": writing.LICENCE_ADDRESS,
        "schema_version": SCHEMA_VERSION,
    }
    return render(request, "reports/data.html", context)


@require_safe
def download(request: HttpRequest, day: str, name: str) -> FileResponse:
    file = exports.file_named(day=day, name=name)
    kind = "application/gzip" if name.endswith(".gz") else "application/octet-stream"
    answer = FileResponse(default_storage.open(file.path), as_attachment=True, filename=name, content_type=kind)
    answer["ETag"] = f'"{file.sha256}"'
    return answer
