from django.urls import path

from arena.api import applications, keys, labs, me, stations

urlpatterns = [
    path("me", me.Me.as_view(), name="api-me"),
    path("me/notices", me.MyNotices.as_view(), name="api-notices"),
    path("me/keys", keys.MyKeys.as_view(), name="api-my-keys"),
    path("me/keys/<int:key_id>", keys.MyKey.as_view(), name="api-my-key"),
    path("labs/<slug:slug>", labs.LabDetail.as_view(), name="api-lab"),
    path("labs/<slug:slug>/members", labs.LabMembers.as_view(), name="api-members"),
    path("labs/<slug:slug>/members/<int:membership_id>", labs.LabMember.as_view(), name="api-member"),
    path("labs/<slug:slug>/invitations", labs.LabInvitations.as_view(), name="api-invitations"),
    path("labs/<slug:slug>/invitations/<int:invitation_id>", labs.LabInvitation.as_view(), name="api-invitation"),
    path(
        "labs/<slug:slug>/invitations/<int:invitation_id>/resend",
        labs.LabInvitationResend.as_view(),
        name="api-invitation-resend",
    ),
    path("labs/<slug:slug>/affiliations", labs.LabAffiliations.as_view(), name="api-affiliations"),
    path("labs/<slug:slug>/stations", stations.LabStations.as_view(), name="api-lab-stations"),
    path("labs/<slug:slug>/client-keys", stations.LabClientKeys.as_view(), name="api-client-keys"),
    path("client-keys/<int:key_id>", stations.ClientKeyDetail.as_view(), name="api-client-key"),
    path("stations/<int:station_id>", stations.StationDetail.as_view(), name="api-station"),
    path("stations/<int:station_id>/retire", stations.StationRetire.as_view(), name="api-station-retire"),
    path("applications", applications.ApplicationList.as_view(), name="api-applications"),
    path("applications/<uuid:application_id>", applications.ApplicationDetail.as_view(), name="api-application"),
    path(
        "applications/<uuid:application_id>/approve",
        applications.ApplicationApprove.as_view(),
        name="api-application-approve",
    ),
    path(
        "applications/<uuid:application_id>/decline",
        applications.ApplicationDecline.as_view(),
        name="api-application-decline",
    ),
]
