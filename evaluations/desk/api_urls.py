from django.urls import path

from evaluations.desk import api

urlpatterns = [
    path("policies", api.Policies.as_view(), name="api-policies"),
    path("policies/<slug:slug>", api.PolicyDetail.as_view(), name="api-policy"),
    path("policies/<slug:slug>/versions", api.PolicyVersions.as_view(), name="api-policy-versions"),
    path("policies/<slug:slug>/results", api.PolicyResults.as_view(), name="api-policy-results"),
    path(
        "policies/<slug:slug>/trajectories/<int:media_id>", api.PolicyTrajectory.as_view(), name="api-policy-trajectory"
    ),
    path("policies/<slug:slug>/stakes", api.PolicyStakes.as_view(), name="api-policy-stakes"),
    path("policies/<slug:slug>/stakes/<int:stake_id>/end", api.StakeEnd.as_view(), name="api-stake-end"),
    path("versions/<str:label>", api.VersionDetail.as_view(), name="api-version"),
    path("versions/<str:label>/checks", api.VersionChecks.as_view(), name="api-version-checks"),
    path("versions/<str:label>/checks/<uuid:check_id>", api.VersionCheck.as_view(), name="api-version-check"),
    path("versions/<str:label>/address", api.VersionAddress.as_view(), name="api-version-address"),
    path("versions/<str:label>/pause", api.VersionPause.as_view(), name="api-version-pause"),
    path("versions/<str:label>/resume", api.VersionResume.as_view(), name="api-version-resume"),
    path("versions/<str:label>/list", api.VersionList.as_view(), name="api-version-list"),
    path("versions/<str:label>/retire", api.VersionRetire.as_view(), name="api-version-retire"),
]
