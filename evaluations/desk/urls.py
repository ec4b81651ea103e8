from django.urls import path

from evaluations.desk import views

urlpatterns = [
    path("policies/new", views.policy_new, name="policy-new"),
    path("policies/<slug:slug>/manage", views.policy_manage, name="policy-manage"),
    path("policies/<slug:slug>/versions/new", views.version_new, name="version-new"),
    path("policies/<slug:slug>/stakes", views.stake_list, name="policy-stakes"),
    path("policies/<slug:slug>/stakes/<int:stake_id>/end", views.stake_end, name="stake-end"),
    path("policies/<slug:slug>/results.csv", views.results_csv, name="policy-results-csv"),
    path("policies/<slug:slug>/results.json", views.results_json, name="policy-results-json"),
    path("policies/<slug:slug>/trajectories/<int:media_id>.npz", views.trajectory, name="policy-trajectory"),
    path("versions/<str:label>/address", views.version_address, name="version-address"),
    path("versions/<str:label>/check", views.version_check, name="version-check"),
    path("versions/<str:label>/pool", views.version_pool, name="version-pool"),
    path("versions/<str:label>/list", views.version_list, name="version-list"),
]
