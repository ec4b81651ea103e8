from django.urls import path

from leaderboard import (
    api,
    compare_api,
    integrity_api,
    integrity_views,
    method,
    method_api,
    oddity_views,
    roboarena,
    views,
)

urlpatterns = [
    path("", views.leaderboard, name="leaderboard"),
    path("method", method.method, name="method"),
    path("integrity", integrity_views.page, name="integrity"),
    path("integrity/concentration.csv", integrity_views.concentration, name="integrity-concentration"),
    path("integrity/completion.csv", integrity_views.completion, name="integrity-completion"),
    path("review/oddities", oddity_views.oddity_list, name="oddities"),
    path("review/oddities/<int:oddity_id>/look", oddity_views.oddity_look, name="oddity-look"),
    path("review/oddities/<int:oddity_id>/sessions", oddity_views.oddity_sessions, name="oddity-sessions"),
    path("compare/<str:first>/<str:second>", views.compare_two, name="compare"),
    path("compare/<str:first>/<str:second>/sessions.csv", views.compare_sessions, name="compare-sessions"),
    path("snapshots/<int:snapshot_id>/input.csv", views.snapshot_input, name="snapshot-input"),
    path("snapshots/<int:snapshot_id>/rows.csv", views.snapshot_rows, name="snapshot-rows"),
    path("snapshots/<int:snapshot_id>/export.zip", views.snapshot_export, name="snapshot-export"),
    path("api/v1/public/boards", api.Boards.as_view(), name="api-boards"),
    path("api/v1/public/boards/<str:board>/history", api.History.as_view(), name="api-board-history"),
    path("api/v1/public/compare/<str:first>/<str:second>", compare_api.Compare.as_view(), name="api-compare"),
    path("api/v1/public/snapshots/<int:snapshot_id>", api.SnapshotOfBoard.as_view(), name="api-public-snapshot"),
    path("api/v1/public/leaderboard", api.Leaderboard.as_view(), name="api-leaderboard"),
    path("api/v1/public/method", method_api.Method.as_view(), name="api-method"),
    path("api/v1/public/integrity", integrity_api.Integrity.as_view(), name="api-integrity"),
    path("api/leaderboard", roboarena.Leaderboard.as_view(), name="roboarena-leaderboard"),
]
