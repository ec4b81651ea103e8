from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("leaderboard.urls")),
    path("", include("evaluations.urls")),
    path("", include("evaluations.roboarena.urls")),
    path("", include("reports.urls")),
    path("", include("reports.exports.urls")),
    path("", include("workers.urls")),
    path("", include("credits.urls")),
    path("", include("arena.lab_urls")),
    path("", include("arena.urls")),
    path("api/", include("arena.api.doc_urls")),
    path("api/v1/", include("arena.api.urls")),
    path("api/v1/", include("evaluations.api.urls")),
    path("api/v1/", include("evaluations.requests.api_urls")),
    path("api/v1/", include("evaluations.desk.api_urls")),
    path("api/v1/", include("evaluations.trying.api_urls")),
    path("api/v1/", include("credits.api_urls")),
    path("staff/", admin.site.urls),
]

handler400 = "arena.errors.bad_request"
handler403 = "arena.errors.forbidden"
handler404 = "arena.errors.not_found"
handler429 = "arena.accounts.views.too_many_requests"  # a name that allauth looks for
handler500 = "arena.errors.server_error"
