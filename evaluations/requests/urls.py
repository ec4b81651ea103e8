from django.urls import path

from evaluations.requests import views

urlpatterns = [
    path("requests", views.request_list, name="requests"),
    path("requests/new/<str:label>", views.request_new, name="request-new"),
    path("requests/<uuid:request_id>", views.request_detail, name="request"),
    path("requests/<uuid:request_id>/pause", views.request_pause, name="request-pause"),
    path("requests/<uuid:request_id>/resume", views.request_resume, name="request-resume"),
    path("requests/<uuid:request_id>/cancel", views.request_cancel, name="request-cancel"),
]
