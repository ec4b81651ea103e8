from django.urls import path

from evaluations import urls as _converters  # noqa: F401  the label's converter is registered there
from evaluations.api import public, sessions, tasks
from evaluations.tags import api as tags

urlpatterns = [
    path("rubric", tasks.Rubric.as_view(), name="api-rubric"),
    path("vocabulary", tasks.Vocabulary.as_view(), name="api-vocabulary"),
    path("stations/<int:station_id>/tasks", tasks.StationTasks.as_view(), name="api-station-tasks"),
    path("public/sessions", public.PublicSessions.as_view(), name="api-public-sessions"),
    path("public/sessions/<uuid:session_id>", public.PublicSession.as_view(), name="api-public-session"),
    path("public/tags", tags.Tags.as_view(), name="api-tags"),
    path("sessions", sessions.SessionList.as_view(), name="api-sessions"),
    path("sessions/<uuid:session_id>", sessions.SessionDetail.as_view(), name="api-session"),
    path("sessions/<uuid:session_id>/tags", tags.SessionTags.as_view(), name="api-session-tags"),
    path("sessions/<uuid:session_id>/live", sessions.SessionLive.as_view(), name="api-session-live"),
    path("sessions/<uuid:session_id>/draft", sessions.SessionDraft.as_view(), name="api-session-draft"),
    path("sessions/<uuid:session_id>/extend", sessions.SessionExtend.as_view(), name="api-session-extend"),
    path(
        "sessions/<uuid:session_id>/episodes/<label:label>",
        sessions.SessionEpisode.as_view(),
        name="api-session-episode",
    ),
    path("sessions/<uuid:session_id>/photos", sessions.SessionPhotos.as_view(), name="api-session-photos"),
    path("sessions/<uuid:session_id>/media/<int:media_id>", sessions.SessionMedia.as_view(), name="api-session-media"),
    path("sessions/<uuid:session_id>/submit", sessions.SessionSubmit.as_view(), name="api-session-submit"),
    path("sessions/<uuid:session_id>/guess", sessions.SessionGuess.as_view(), name="api-session-guess"),
    path("sessions/<uuid:session_id>/abandon", sessions.SessionAbandon.as_view(), name="api-session-abandon"),
]
