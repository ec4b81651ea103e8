from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from leaderboard import review
        from reports import work_list

        review.add_queue(lambda: review.Queue("review-work", "Background work", work_list.failed().count()))
