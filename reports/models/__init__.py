"""Work that waits for a worker, calls of models and their circuits, and reports."""

from reports.models.calls import ProviderCall
from reports.models.circuits import Circuit
from reports.models.reports import PolicyReport
from reports.models.work import Work

__all__ = ["Circuit", "PolicyReport", "ProviderCall", "Work"]
