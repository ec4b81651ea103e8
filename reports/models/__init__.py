from reports.models.calls import ProviderCall
from reports.models.circuits import Circuit

__all__ = ["Circuit", "ProviderCall"]
