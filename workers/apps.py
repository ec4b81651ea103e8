from django.apps import AppConfig
from django.core import checks


class WorkersConfig(AppConfig):
    name = "workers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from arena.jobs import install_dispatcher
        from reports import providers
        from workers import tasks
        from workers.providers import openai_compatible
        from workers.providers.checks import check_model_providers

        install_dispatcher(tasks.dispatch)
        providers.install(openai_compatible.configured)
        checks.register(check_model_providers)
