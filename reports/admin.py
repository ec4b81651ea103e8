from django.contrib import admin

from arena.admin import ReadOnlyAdmin
from reports.models import Circuit, ProviderCall


@admin.register(ProviderCall)
class ProviderCallAdmin(ReadOnlyAdmin):
    list_display = (
        "started_at",
        "provider",
        "model",
        "purpose",
        "prompt_version",
        "mode",
        "outcome",
        "seconds",
        "tokens_in",
        "tokens_out",
        "cost",
    )
    list_filter = ("provider", "purpose", "outcome", "mode")


@admin.register(Circuit)
class CircuitAdmin(ReadOnlyAdmin):
    list_display = ("provider", "state", "failures", "open_since", "retry_at", "failed_probes", "problem")
