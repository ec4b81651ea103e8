from django.contrib import admin

from arena.admin import ReadOnlyAdmin
from leaderboard.models import Freeze, Snapshot


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnlyAdmin):
    list_display = ("board", "created_at", "counted", "total", "model", "code_version")
    list_filter = ("board",)


admin.site.register(Freeze, ReadOnlyAdmin)
