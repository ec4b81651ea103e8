from django.urls import path

from evaluations.review import said, views

urlpatterns = [
    path("sessions/<uuid:session_id>/report", said.session_report, name="session-report"),
    path("sessions/<uuid:session_id>/appeal", said.session_appeal, name="session-appeal"),
    path("review/reports", views.report_list, name="session-reports"),
    path("review/reports/<int:report_id>", views.report_detail, name="session-report-review"),
    path("review/reports/<int:report_id>/decide", views.report_decide, name="session-report-decide"),
    path("review/appeals", views.appeal_list, name="appeals"),
    path("review/appeals/<int:appeal_id>", views.appeal_detail, name="appeal"),
    path("review/appeals/<int:appeal_id>/decide", views.appeal_decide, name="appeal-decide"),
]
