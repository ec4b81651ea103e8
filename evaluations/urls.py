from django.urls import include, path, register_converter

from evaluations import lab_pages, uploads_api, views
from evaluations.models import KIND_PATTERN, Label


class LabelConverter:
    regex = "|".join(Label.values)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class CameraConverter(LabelConverter):
    regex = KIND_PATTERN


register_converter(LabelConverter, "label")
register_converter(CameraConverter, "camera")

urlpatterns = [
    path("", include("evaluations.evaluate.urls")),
    path("", include("evaluations.requests.urls")),
    path("", include("evaluations.desk.urls")),
    path("", include("evaluations.review.urls")),
    path("", include("evaluations.trying.urls")),
    path("", include("evaluations.tags.urls")),
    path("sessions", views.session_list, name="sessions"),
    path("sessions/<uuid:session_id>", views.session_detail, name="session"),
    path("sessions/<uuid:session_id>/<label:label>/<camera:kind>.mp4", views.session_video, name="session-video"),
    path("sessions/<uuid:session_id>/<label:label>/<camera:kind>.jpg", views.session_poster, name="session-poster"),
    path("sessions/<uuid:session_id>/<label:label>/<camera:kind>/sheet.jpg", views.session_sheet, name="session-sheet"),
    path("api/v1/uploads", uploads_api.Uploads.as_view(), name="api-uploads"),
    path("api/v1/uploads/<uuid:upload_id>", uploads_api.OneUpload.as_view(), name="api-upload"),
    path("lab", lab_pages.lab, name="lab"),
    path("lab/<slug:slug>/events", lab_pages.lab_events, name="lab-events"),
    path("review/events", lab_pages.all_events, name="events"),
    path("account/history", lab_pages.own_history, name="history"),
]
