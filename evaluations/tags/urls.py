from django.urls import path

from evaluations.tags import overview, views

urlpatterns = [
    path("tags", overview.overview, name="tags"),
    path("tags/agreement.csv", overview.agreement_csv, name="tags-agreement"),
    path("sessions/<uuid:session_id>/tags", views.session_tag, name="session-tag"),
]
