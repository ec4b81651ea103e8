from django.urls import path

from evaluations.requests import api

urlpatterns = [
    path("requests", api.Requests.as_view(), name="api-requests"),
    path("requests/forecast", api.RequestForecast.as_view(), name="api-request-forecast"),
    path("requests/<uuid:request_id>", api.RequestDetail.as_view(), name="api-request"),
    path("requests/<uuid:request_id>/pause", api.RequestPause.as_view(), name="api-request-pause"),
    path("requests/<uuid:request_id>/resume", api.RequestResume.as_view(), name="api-request-resume"),
    path("requests/<uuid:request_id>/cancel", api.RequestCancel.as_view(), name="api-request-cancel"),
]
