from django.urls import path

from reports import api, roboarena, steward_views, views

urlpatterns = [
    path("versions/<str:label>/report", views.report, name="policy-report"),
    path("versions/<str:label>/report.md", views.report_markdown, name="policy-report-markdown"),
    path("versions/<str:label>/report.json", views.report_json, name="policy-report-json"),
    path("versions/<str:label>/report/ask", views.report_ask, name="policy-report-ask"),
    path("compare/<str:label>/<str:second>/report", views.report, name="pair-report"),
    path("compare/<str:label>/<str:second>/report.md", views.report_markdown, name="pair-report-markdown"),
    path("compare/<str:label>/<str:second>/report.json", views.report_json, name="pair-report-json"),
    path("compare/<str:label>/<str:second>/report/ask", views.report_ask, name="pair-report-ask"),
    path("sessions/<uuid:session_id>/cited", views.cited, name="session-cited"),
    path("review/work", steward_views.work_page, name="review-work"),
    path("review/work/<uuid:work_id>/retry", steward_views.work_retry, name="work-retry"),
    path("review/work/<uuid:work_id>/skip", steward_views.work_skip, name="work-skip"),
    path("api/policy_analysis.json", roboarena.policy_analysis, name="roboarena-policy-analysis"),
    path("api/v1/versions/<str:label>/reports", api.VersionReports.as_view(), name="api-version-reports"),
    path("api/v1/reports/<uuid:report_id>", api.Report.as_view(), name="api-report"),
]
