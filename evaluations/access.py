"""The only roads from a request to a session or its files. What is not yours to see is not there."""

import uuid

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from arena import access
from arena.errors import NotFound
from arena.models import Membership, Person
from evaluations import appeals, selectors, session_reports
from evaluations.models import Appeal, MediaFile, Photo, Report, Session, Side, Upload


def session_to_read(user: Person | AnonymousUser, session_id: uuid.UUID) -> Session:
    """A revealed session, or one of the user's own, to be shown blind until then. Training is for them alone."""
    session = selectors.with_everything(Session.objects.filter(pk=session_id)).first()
    if session is None or not _may_read(user, session):
        raise NotFound("session_unknown", "There is no session at this address.")
    return session


def session_to_report(session_id: uuid.UUID) -> Session:
    """A session that the whole world may read."""
    session = Session.objects.public().select_related("lab", "exclusion__appeal").filter(pk=session_id).first()
    if session is None:
        raise NotFound("session_unknown", "There is no session at this address.")
    return session


def session_to_tag(session_id: uuid.UUID) -> Session:
    """The same, with all that its page shows. Who may tag it is said by `tags.records`."""
    session = selectors.with_everything(Session.objects.public().filter(pk=session_id)).first()
    if session is None:
        raise NotFound("session_unknown", "There is no session at this address.")
    return session


def session_to_appeal(user: Person | AnonymousUser, session_id: uuid.UUID) -> Session:
    """A session that was excluded, of one's own lab or with a policy of one's own."""
    session = session_to_report(session_id)
    if not hasattr(session, "exclusion") or not appeals.may_appeal(access.signed_in(user), session):
        raise NotFound("exclusion_unknown", "There is no exclusion that concerns you at this address.")
    return session


def report_to_review(user: Person | AnonymousUser, report_id: int) -> Report:
    access.steward(user)
    found = session_reports.told().filter(pk=report_id).first()
    if found is None:
        raise NotFound("report_unknown", "There is no such report.")
    return found


def appeal_to_review(user: Person | AnonymousUser, appeal_id: int) -> Appeal:
    access.steward(user)
    found = appeals.told().filter(pk=appeal_id).first()
    if found is None:
        raise NotFound("appeal_unknown", "There is no such appeal.")
    return found


def video_to_read(user: Person | AnonymousUser, session_id: uuid.UUID, *, label: str, kind: str) -> MediaFile:
    """A video of a session that the user may read. Trajectories are never served raw: they may hold code.

    One query, beside a trial's owners: a browser that seeks asks again and again.
    """
    media = (
        MediaFile.objects.filter(side__session=session_id, side__label=label, kind=kind, withdrawn_at=None)
        .exclude(kind=MediaFile.Kind.TRAJECTORY)
        .select_related("side__session")
        .first()
    )
    if media is None or not _may_watch(user, media.side) or not media.file.storage.exists(media.file.name or ""):
        raise NotFound("video_unknown", "There is no such video.")
    return media


def photo_to_read(user: Person | AnonymousUser, session_id: uuid.UUID, *, photo_id: int) -> Photo:
    """A photo of the scene of a session that the user may read."""
    photo = Photo.objects.filter(session=session_id, pk=photo_id).select_related("session").first()
    if photo is None or not _may_read(user, photo.session) or not photo.file.storage.exists(photo.file.name or ""):
        raise NotFound("photo_unknown", "There is no such photo.")
    return photo


def session_to_run(user: Person, session_id: uuid.UUID) -> Session:
    """A session of the user's own, whatever its state."""
    session = selectors.with_everything(Session.objects.filter(pk=session_id, evaluator=user)).first()
    if session is None:
        raise NotFound("session_unknown", "You have no session at this address.")
    return session


def side_to_fill(user: Person, session_id: uuid.UUID, *, label: str) -> Side:
    """A side of a session of the user's own, whatever its state."""
    sides = Side.objects.select_related("session__lab").filter(session=session_id, session__evaluator=user)
    side = sides.filter(label=label).first()
    if side is None:
        raise NotFound("session_unknown", "You have no session at this address.")
    return side


def uploads_of(user: Person) -> QuerySet[Upload]:
    """The uploads that the user has begun and not cancelled."""
    own = Upload.objects.filter(person=user, cancelled_at=None)
    return own.select_related("side__session__lab", "person", "media")


def upload_to_continue(user: Person, upload_id: uuid.UUID) -> Upload:
    upload = uploads_of(user).filter(pk=upload_id).first()
    if upload is None:
        raise NotFound("upload_unknown", "There is no upload of yours at this address.")
    return upload


def _may_read(user: Person | AnonymousUser, session: Session) -> bool:
    return (not session.is_blind and not session.training) or session.evaluator_id == user.pk


def _may_watch(user: Person | AnonymousUser, side: Side) -> bool:
    return _may_read(user, side.session) or _may_learn_of_trial(user, side)


def _may_learn_of_trial(user: Person | AnonymousUser, side: Side) -> bool:
    """The owners of a version under trial see how it did, once the session has ended; not the policy beside it."""
    session = side.session
    if session.trial_id is None or session.is_blind or not user.is_authenticated:
        return False
    owners = Membership.objects.filter(person=user.pk, lab__policies__versions=side.version_id)
    return owners.filter(lab__policies__versions__trials=session.trial_id).exists()
