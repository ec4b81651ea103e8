from django.contrib import admin

from arena.admin import ReadOnlyAdmin
from reports.models import Circuit, PolicyReport, ProviderCall, Work


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


@admin.register(Work)
class WorkAdmin(ReadOnlyAdmin):
    list_display = (
        "asked_at",
        "kind",
        "subject",
        "state",
        "provider",
        "attempts",
        "next_try_at",
        "waits_for",
        "reason",
    )
    list_filter = ("state", "kind", "waits_for")
    search_fields = ("subject",)


@admin.register(PolicyReport)
class PolicyReportAdmin(ReadOnlyAdmin):
    list_display = (
        "made_at",
        "version",
        "other",
        "number",
        "sessions",
        "provider",
        "model",
        "prompt_version",
        "repaired",
        "dropped_count",
        "cost",
    )
    list_filter = ("provider", "model")
    search_fields = ("version__policy__slug",)
    list_select_related = ("version__policy", "other__policy")
