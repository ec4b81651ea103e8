from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class ArenaConfig(AppConfig):
    name = "arena"
    default = True
    default_auto_field = "django.db.models.BigAutoField"


class StaffConfig(admin_apps.AdminConfig):
    """Django's admin with our own site. Named in INSTALLED_APPS; not what `arena` stands for."""

    default = False
    default_site = "arena.staff.StaffSite"
