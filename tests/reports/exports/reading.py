"""How tests read what an export holds."""

import csv
import gzip
import io

from django.core.files.storage import default_storage

from reports.models import DataExport


def content(export: DataExport, name: str) -> bytes:
    with default_storage.open(export.files.get(name=name).path) as file:
        return bytes(file.read())


def rows(export: DataExport, table: str) -> list[dict[str, str]]:
    text = gzip.decompress(content(export, f"{table}.csv.gz")).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def everything(export: DataExport) -> str:
    """The texts of all files, whatever they are packed in, in one."""
    texts = []
    for file in export.files.all():
        found = content(export, file.name)
        texts.append((gzip.decompress(found) if file.name.endswith(".gz") else found).decode(errors="replace"))
    return "\n".join(texts)
