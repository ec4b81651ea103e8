from django.urls import path

from reports.exports import api, views

urlpatterns = [
    path("data", views.page, name="data"),
    path("data/<str:day>/<str:name>", views.download, name="data-file"),
    path("api/v1/exports", api.Exports.as_view(), name="api-exports"),
]
