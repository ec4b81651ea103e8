from django.urls import path

from evaluations.evaluate import views

urlpatterns = [
    path("evaluate", views.start, name="evaluate"),
    path("evaluate/rubric", views.rubric, name="evaluate-rubric"),
    path("evaluate/<uuid:session_id>", views.session_page, name="evaluate-session"),
    path("evaluate/<uuid:session_id>/submit", views.submit, name="evaluate-submit"),
    path("evaluate/<uuid:session_id>/guess", views.guess, name="evaluate-guess"),
    path("evaluate/<uuid:session_id>/extend", views.extend, name="evaluate-extend"),
    path("evaluate/<uuid:session_id>/abandon", views.abandon, name="evaluate-abandon"),
    path("sessions/<uuid:session_id>/photos/<int:photo_id>.jpg", views.session_photo, name="session-photo"),
]
