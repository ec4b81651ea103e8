from django.contrib import admin
from django.http import HttpRequest

from arena.admin import ReadOnlyAdmin
from evaluations import models

# How a session's pair was drawn, and what for.
DRAWN = ("pair_probability", "draw_kind", "requested", "request")


@admin.register(models.Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ("id", "state", "valid", "reason", "lab", "source", "simulated", "opened_at")
    list_select_related = ("lab",)
    list_filter = ("state", "valid", "source", "simulated")

    def get_exclude(self, request: HttpRequest, obj: models.Session | None = None) -> tuple[str, ...]:
        """Stewards may evaluate too: how a pair was drawn is told after the reveal."""
        return DRAWN if obj and obj.is_blind else ()


@admin.register(models.MediaFile)
class MediaFileAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "check_state", "size", "duration_s", "codec")
    list_filter = ("check_state", "kind")


admin.site.register(
    [models.Result, models.Exclusion, models.Report, models.Appeal, models.RelayConnection, models.Trial], ReadOnlyAdmin
)
