"""The routes of labs, their people, stations and keys. `/lab` itself and histories are with the sessions they show."""

from django.urls import path

from arena.views import affiliations, joining, keys, members, notices, reviews, stations

urlpatterns = [
    path("join", joining.join, name="join"),
    path("join/terms", joining.terms, name="terms"),
    path("review/applications", reviews.application_list, name="applications"),
    path("review/applications/<uuid:application_id>", reviews.application_detail, name="application"),
    path("review/applications/<uuid:application_id>/decide", reviews.application_decide, name="application-decide"),
    path("stations", stations.all_stations, name="stations"),
    path("lab/<slug:slug>/members", members.member_list, name="lab-members"),
    path("lab/<slug:slug>/members/<int:membership_id>/role", members.member_role, name="member-role"),
    path("lab/<slug:slug>/members/<int:membership_id>/remove", members.member_remove, name="member-remove"),
    path("lab/<slug:slug>/invitations/<int:invitation_id>/resend", members.invitation_resend, name="invitation-resend"),
    path("lab/<slug:slug>/invitations/<int:invitation_id>/revoke", members.invitation_revoke, name="invitation-revoke"),
    path("invitations/<int:invitation_id>/accept", members.invitation_accept, name="invitation-accept"),
    path("invitations/<str:token>", members.invitation_page, name="invitation"),
    path("lab/<slug:slug>/stations", stations.station_list, name="lab-stations"),
    path("lab/<slug:slug>/stations/new", stations.station_new, name="station-new"),
    path("lab/<slug:slug>/stations/<int:station_id>", stations.station_edit, name="station-edit"),
    path("lab/<slug:slug>/stations/<int:station_id>/retire", stations.station_retire, name="station-retire"),
    path("lab/<slug:slug>/keys", keys.access_code_list, name="lab-keys"),
    path("lab/<slug:slug>/keys/<int:key_id>/revoke", keys.access_code_revoke, name="access-code-revoke"),
    path("lab/<slug:slug>/affiliations", affiliations.affiliation_list, name="lab-affiliations"),
    path("lab/<slug:slug>/affiliations/<int:affiliation_id>/end", affiliations.affiliation_end, name="affiliation-end"),
    path("account/keys", keys.api_key_list, name="api-keys"),
    path("account/keys/<int:key_id>/revoke", keys.api_key_revoke, name="api-key-revoke"),
    path("account/notices", notices.notice_choice, name="notices"),
    path("notices/off/<str:signed>", notices.notice_off, name="notices-off"),
]
