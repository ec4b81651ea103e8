"""No trailing slashes: the client's paths are fixed, and a redirect would turn its POST into a GET."""

from django.urls import path

from evaluations.roboarena import api, website

urlpatterns = [
    path("version_check", api.VersionCheck.as_view(), name="roboarena-version-check"),
    path("validate_evaluator_access", api.ValidateAccess.as_view(), name="roboarena-validate-access"),
    path("get_policies_to_compare", api.Pair.as_view(), name="roboarena-pair"),
    path("upload_eval_data", api.UploadEpisode.as_view(), name="roboarena-upload"),
    path("terminate_session", api.Terminate.as_view(), name="roboarena-terminate"),
    path("api/list_ab_evaluations", website.Evaluations.as_view(), name="roboarena-evaluations"),
]
