"""The exports of the public data, for programs."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena.api.fields import Output
from arena.api.pagination import PageOutput, PageQuery, page_of
from arena.api.permissions import Open
from arena.api.views import ApiView, answer
from reports.exports import exports
from reports.exports.writing import LICENCE_NAME
from reports.models import DataExport


class ExportFileOutput(Output):
    name = serializers.CharField()
    about = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    sha256 = serializers.CharField()
    rows = serializers.IntegerField(allow_null=True, help_text="Of a table, without its heading.")
    url = serializers.URLField()


class ExportOutput(Output):
    """All that was public on a day. Its files never change."""

    day = serializers.DateField()
    made_at = serializers.DateTimeField()
    schema_version = serializers.IntegerField(help_text="Of tables and columns; datapackage.json describes them.")
    licence = serializers.CharField()
    sessions = serializers.IntegerField()
    files = ExportFileOutput(many=True)


class ExportPageOutput(PageOutput):
    results = ExportOutput(many=True)


class Exports(ApiView):
    tag = "Public"
    access = {"GET": Open.TO_ALL}
    queries = {"GET": PageQuery}

    @extend_schema(responses=ExportPageOutput)
    def get(self, request: Request) -> Response:
        """The exports that are kept, the latest first."""
        return answer(ExportPageOutput, page_of(request, exports.kept(), self.query, _export))


def _export(export: DataExport) -> dict[str, Any]:
    files = [
        {name: getattr(file, name) for name in ("name", "about", "size", "sha256", "rows")}
        | {"url": f"{settings.PUBLIC_URL}{reverse('data-file', args=[export.day.isoformat(), file.name])}"}
        for file in export.files.all()
    ]
    facts = {name: getattr(export, name) for name in ("day", "made_at", "schema_version", "sessions")}
    return facts | {"licence": LICENCE_NAME, "files": files}
