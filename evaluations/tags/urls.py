from django.urls import path

from evaluations.tags import views

urlpatterns = [
    path("sessions/<uuid:session_id>/tags", views.session_tag, name="session-tag"),
]
