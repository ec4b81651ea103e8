from django.urls import path

from reports import roboarena

urlpatterns = [
    path("api/policy_analysis.json", roboarena.policy_analysis, name="roboarena-policy-analysis"),
]
