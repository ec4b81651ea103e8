from django.urls import path

from evaluations.trying import api

urlpatterns = [
    path("trials", api.Trials.as_view(), name="api-trials"),
    path("trials/<uuid:trial_id>", api.TrialDetail.as_view(), name="api-trial"),
    path("trials/<uuid:trial_id>/sessions", api.TrialSessions.as_view(), name="api-trial-sessions"),
    path("trials/<uuid:trial_id>/decide", api.TrialDecide.as_view(), name="api-trial-decide"),
    path("trials/<uuid:trial_id>/withdraw", api.TrialWithdraw.as_view(), name="api-trial-withdraw"),
    path("versions/<str:label>/trials", api.VersionTrials.as_view(), name="api-version-trials"),
    path("versions/<str:label>/waive", api.VersionWaive.as_view(), name="api-version-waive"),
]
