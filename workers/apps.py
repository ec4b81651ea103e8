from django.apps import AppConfig


class WorkersConfig(AppConfig):
    name = "workers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from arena.jobs import install_dispatcher
        from workers import tasks

        install_dispatcher(tasks.dispatch)
