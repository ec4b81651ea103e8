"""A session from its task to its reveal."""

import uuid
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from arena.api.fields import NothingInput
from arena.api.pagination import page_of
from arena.api.permissions import READ_OR_RUN, RUN, key_of, person
from arena.api.stations import own_station
from arena.api.views import ApiView, answer, read
from arena.errors import NotFound
from evaluations import assignments, drafts, episodes, files, guesses, photos, sessions, submissions
from evaluations.api import shown
from evaluations.api.inputs import (
    AbandonInput,
    DraftInput,
    EpisodeInput,
    GuessInput,
    OpenSessionInput,
    PhotoInput,
    SessionQuery,
    SubmitInput,
)
from evaluations.api.outputs import (
    EpisodeOutput,
    GuessChoicesOutput,
    LeaseOutput,
    LiveSessionOutput,
    PhotoOutput,
    SavedDraftOutput,
    SessionOutput,
    SessionPageOutput,
)
from evaluations.episodes import EpisodeReport
from evaluations.models import OPEN_STATES, FailureMode, Label, MediaFile, Photo, Session


def own_sessions(request: Request) -> QuerySet[Session]:
    """The person's own; with a key, those of its lab."""
    own, key = Session.objects.filter(evaluator=person(request)), key_of(request)
    return own.filter(lab=key.lab_id) if key else own


def own_session(request: Request, session_id: uuid.UUID) -> Session:
    """One's own session with all that is told of it. Another's is not there."""
    session = shown.with_everything(own_sessions(request).filter(pk=session_id)).first()
    if session is None:
        raise NotFound("session_unknown", "You have no session at this address.")
    return session


def bare_session(request: Request, session_id: uuid.UUID) -> Session:
    """One's own session, for an operation that reads the rest itself."""
    session = own_sessions(request).filter(pk=session_id).first()
    if session is None:
        raise NotFound("session_unknown", "You have no session at this address.")
    return session


def told(request: Request, session_id: uuid.UUID, *, status: int = 200) -> Response:
    """The session as it stands now."""
    return answer(SessionOutput, shown.session(own_session(request, session_id), now=timezone.now()), status=status)


class SessionView(ApiView):
    tag = "Sessions"
    # No table holds a token of the relay; it is derived anew.
    told_once = ("relay_url",)

    def renewed(self, body: Any) -> Any:
        if isinstance(body, dict) and body.get("state") in OPEN_STATES:
            for label, side in body["sides"].items():
                side["relay_url"] = shown.relay_url(uuid.UUID(body["id"]), label)
        return body


class SessionList(SessionView):
    access = {"GET": READ_OR_RUN, "POST": RUN}
    queries = {"GET": SessionQuery}

    @extend_schema(responses=SessionPageOutput)
    def get(self, request: Request) -> Response:
        """Your own sessions, the newest first. With a key, those in its lab."""
        found = _chosen(own_sessions(request), self.query).order_by("-opened_at", "id")
        now = timezone.now()
        page = page_of(request, shown.with_everything(found), self.query, lambda one: shown.session(one, now=now))
        return answer(SessionPageOutput, page)

    @extend_schema(request=OpenSessionInput, responses={200: SessionOutput, 201: SessionOutput})
    def post(self, request: Request) -> Response:
        """Fix the task and draw a pair. The same task again, before anything has run, is the same session: 200."""
        asked = read(OpenSessionInput, request.data)
        now = timezone.now()
        station = own_station(request, asked.pop("station"))
        if not asked["training"]:
            assignments.require_training(person=person(request), station=station)
        session = assignments.open_session(person=person(request), station=station, now=now, **asked)
        return told(request, session.pk, status=201 if session.opened_at == now else 200)


class SessionDetail(SessionView):
    access = {"GET": READ_OR_RUN}

    @extend_schema(responses=SessionOutput)
    def get(self, request: Request, session_id: uuid.UUID) -> Response:
        """One of your sessions. Its policies are null until it is revealed."""
        return told(request, session_id)


class SessionLive(SessionView):
    access = {"GET": READ_OR_RUN}

    @extend_schema(responses=LiveSessionOutput)
    def get(self, request: Request, session_id: uuid.UUID) -> Response:
        """What changes while it runs. Made to be asked every few seconds."""
        session = own_session(request, session_id)
        revision = drafts.read(session).revision
        return answer(LiveSessionOutput, shown.live(session, revision=revision, now=timezone.now()))


class SessionDraft(SessionView):
    access = {"PATCH": RUN}

    @extend_schema(request=DraftInput, responses=SavedDraftOutput)
    def patch(self, request: Request, session_id: uuid.UUID) -> Response:
        """Keep what was entered so far. Fields changed elsewhere since `revision` are not overwritten: 409."""
        session = own_session(request, session_id)
        said = read(DraftInput, request.data)
        draft = drafts.save(session=session, now=timezone.now(), **said)
        values = drafts.view(draft).values
        session.refresh_from_db(fields=["lease_expires_at"])
        kept = {"revision": draft.revision, "values": values, "missing": shown.missing(session, values)}
        return answer(SavedDraftOutput, kept | {"lease_expires_at": session.lease_expires_at})


class SessionExtend(SessionView):
    access = {"POST": RUN}

    @extend_schema(request=NothingInput, responses=LeaseOutput)
    def post(self, request: Request, session_id: uuid.UUID) -> Response:
        """Ask for more time. The lease runs anew from now; one that has ended stays as it is."""
        session = bare_session(request, session_id)
        read(NothingInput, request.data or {})
        session = sessions.extend(session=session, now=timezone.now())
        return answer(LeaseOutput, {"lease_expires_at": session.lease_expires_at})


class SessionEpisode(SessionView):
    access = {"POST": RUN}

    @extend_schema(request=EpisodeInput, responses={200: EpisodeOutput, 201: EpisodeOutput})
    def post(self, request: Request, session_id: uuid.UUID, label: str) -> Response:
        """Score a side's rollout. The first score stands; the same one again is answered with 200."""
        session, now = bare_session(request, session_id), timezone.now()
        said = read(EpisodeInput, request.data)
        modes = tuple(FailureMode(mode) for mode in dict.fromkeys(said.pop("failure_modes")))
        report = EpisodeReport(failure_modes=modes, **said)
        episode = episodes.record_episode(session=session, label=Label(label), report=report, uploads={}, now=now)
        return answer(EpisodeOutput, shown.episode(episode), status=201 if episode.received_at == now else 200)


class SessionPhotos(SessionView):
    access = {"POST": RUN}
    parser_classes = (MultiPartParser,)
    max_body_bytes = photos.MAX_BYTES + 64 * 1024

    @extend_schema(request={"multipart/form-data": PhotoInput}, responses={201: PhotoOutput})
    def post(self, request: Request, session_id: uuid.UUID) -> Response:
        """A picture of the scene: at the `start`, or `restored` for side B. It is turned upright and shrunk."""
        session = bare_session(request, session_id)
        said = read(PhotoInput, request.data)
        prepared = photos.prepare(said["photo"], size=said["photo"].size)
        moment = Photo.Moment(said["moment"])
        photo = photos.keep(session=session, moment=moment, photo=prepared, now=timezone.now())
        return answer(PhotoOutput, shown.photo(session, photo), status=201)


class SessionMedia(SessionView):
    access = {"DELETE": RUN}

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, session_id: uuid.UUID, media_id: int) -> Response:
        """Take a file of an open session away. It is kept, unseen; a repeat changes nothing."""
        session = bare_session(request, session_id)
        media = MediaFile.objects.filter(side__session=session, pk=media_id).select_related("side__session").first()
        if media is None:
            raise NotFound("media_unknown", "The session has no such file.")
        files.withdraw(media=media, by=person(request), now=timezone.now())
        return Response(status=204)


class SessionSubmit(SessionView):
    access = {"POST": RUN}

    @extend_schema(request=SubmitInput, responses=SessionOutput)
    def post(self, request: Request, session_id: uuid.UUID) -> Response:
        """Judge the session and end it. Fields that are given are entered into the draft first; a repeat changes
        nothing."""
        session = bare_session(request, session_id)
        entries = read(SubmitInput, request.data)
        veiled = entries.pop("ask_guess")
        submissions.submit_draft(session=session, now=timezone.now(), veiled=veiled, entries=entries)
        return told(request, session_id)


class SessionGuess(SessionView):
    access = {"GET": READ_OR_RUN, "POST": RUN}

    @extend_schema(responses=GuessChoicesOutput)
    def get(self, request: Request, session_id: uuid.UUID) -> Response:
        """Which policies there are to guess from. The list says nothing of the two that ran."""
        choices = guesses.choices(bare_session(request, session_id))
        return answer(GuessChoicesOutput, {"choices": [{"slug": one.slug, "name": one.name} for one in choices]})

    @extend_schema(request=GuessInput, responses=SessionOutput)
    def post(self, request: Request, session_id: uuid.UUID) -> Response:
        """Say which policies these were, or nothing, and see them named. A repeat changes nothing."""
        session = bare_session(request, session_id)
        said = read(GuessInput, request.data)
        guesses.answer(session=session, now=timezone.now(), **said)
        return told(request, session_id)


class SessionAbandon(SessionView):
    access = {"POST": RUN}

    @extend_schema(request=AbandonInput, responses=SessionOutput)
    def post(self, request: Request, session_id: uuid.UUID) -> Response:
        """Give an open session up and say why. It is recorded; one that has ended stays as it is."""
        session = bare_session(request, session_id)
        said = read(AbandonInput, request.data)
        sessions.abandon(session=session, now=timezone.now(), by=person(request), **said)
        return told(request, session_id)


def _chosen(found: QuerySet[Session], asked: dict[str, Any]) -> QuerySet[Session]:
    columns = {"state": "state", "lab": "lab__slug", "station": "station", "training": "training"}
    wanted = {column: asked[name] for name, column in columns.items() if asked.get(name) is not None}
    found = found.filter(**wanted)
    if "open" not in asked:
        return found
    is_open = Q(pk__in=Session.objects.open().values("pk"))
    return found.filter(is_open if asked["open"] else ~is_open)
