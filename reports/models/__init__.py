"""Work that waits for a worker, calls of models and their circuits, reports, and exports of the public data."""

from reports.models.calls import ProviderCall
from reports.models.circuits import Circuit
from reports.models.exports import DataExport, ExportFile
from reports.models.reports import PolicyReport
from reports.models.work import Work

__all__ = ["Circuit", "DataExport", "ExportFile", "PolicyReport", "ProviderCall", "Work"]
