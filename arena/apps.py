from contextlib import suppress
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin import apps as admin_apps
from django.core import checks


class ArenaConfig(AppConfig):
    name = "arena"
    default = True
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from arena.accounts import events  # noqa: F401  its receivers
        from arena.accounts.checks import check_mail
        from arena.checks import ALL, check_database_role

        for check in (*ALL, check_mail):
            checks.register(check)
        checks.register(check_database_role, checks.Tags.database)
        with suppress(OSError):  # Django's own check says so where the folder is not there
            Path(settings.FILE_UPLOAD_TEMP_DIR).mkdir(parents=True, exist_ok=True)


class StaffConfig(admin_apps.AdminConfig):
    """Django's admin with our own site. Named in INSTALLED_APPS; not what `arena` stands for."""

    default = False
    default_site = "arena.staff.StaffSite"
