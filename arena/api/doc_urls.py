from django.urls import path

from arena.api import document

urlpatterns = [
    path("openapi.json", document.openapi_json, name="openapi"),
    path("docs", document.docs, name="api-docs"),
]
