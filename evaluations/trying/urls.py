from django.urls import path

from evaluations.trying import views

urlpatterns = [
    path("trials/<uuid:trial_id>", views.trial_page, name="trial"),
    path("trials/<uuid:trial_id>/start", views.start, name="trial-start"),
    path("trials/<uuid:trial_id>/decide", views.decide, name="trial-decide"),
    path("trials/<uuid:trial_id>/withdraw", views.withdraw, name="trial-withdraw"),
    path("versions/<str:label>/trial", views.ask, name="version-trial"),
    path("versions/<str:label>/waive", views.waive, name="version-waive"),
    path("review/trials", views.review, name="trials-review"),
]
