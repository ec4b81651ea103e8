"""What was done, in words, for the people concerned: a person's own events, a lab's, and all for stewards.

No event names a policy that an open or veiled session holds. That a request is done says when its last session ended,
and so what it held: it is told once all of its sessions are revealed.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from arena.models import AuditEvent, Lab, Person, Role
from evaluations.models import EvaluationRequest, Session
from evaluations.reasons import Reason

WORDS = {
    "affiliation:declared": "Affiliation of {lab} with {other} declared",
    "affiliation:ended": "Affiliation of {lab} with {other} ended",
    "api-key:created": "API key “{name}” made for {lab}",
    "api-key:revoked": "API key “{name}” of {lab} revoked",
    "application:approved": "Application for {lab} approved",
    "application:declined": "Application declined",
    "application:made": "Application for {lab_name} sent",
    "board:frozen": "{subject} frozen",
    "board:published": "{subject} published again",
    "credits:granted": "{amount} credits granted to {lab}",
    "credits:restored": "{amount} credits given again to {lab}",
    "credits:taken-back": "{amount} credits taken back from {lab}",
    "credits:weekly": "{amount} credits of the week given to {lab}",
    "credits:welcomed": "{amount} credits given to {lab} as a welcome",
    "episode:uploaded-A": "Side A of a session scored",
    "episode:uploaded-B": "Side B of a session scored",
    "exclusion:appealed": "Appeal against the exclusion of a session",
    "exclusion:lifted": "Exclusion of a session lifted: it counts again",
    "exclusion:upheld": "Exclusion of a session stands after an appeal",
    "export:failed": "Export of the public data given up: {reason}",
    "export:made": "Public data exported: {sessions} sessions",
    "import:roboarena": "{created} published sessions imported",
    "invitation:accepted": "Invitation to {lab} accepted",
    "invitation:resent": "Invitation to {lab} sent again",
    "invitation:revoked": "Invitation to {lab} revoked",
    "invitation:sent": "{email} invited to {lab}",
    "key:created": "Access code made for a station of {lab}",
    "key:revoked": "Access code at a station of {lab} revoked",
    "lab:created": "{lab} made",
    "media:unreadable": "A file ({kind}) could not be read",
    "media:uploaded": "A file ({kind}) of a session uploaded",
    "media:withdrawn": "A file ({kind}) of a session taken away",
    "member:added": "Member of {lab} now, as {role}",
    "member:left": "{lab} left; its keys ended",
    "member:removed": "Membership of {lab} ended, and its keys",
    "member:role": "Role in {lab} changed to {role}",
    "notices:chosen": "Choice of notices changed",
    "oddity:looked_at": "Something that did not fit was looked at",
    "person:email-changed": "E-mail of the account changed",
    "person:email-confirmed": "E-mail confirmed",
    "person:mfa-activated": "Second factor set up",
    "person:mfa-deactivated": "Second factor removed",
    "person:password-changed": "Password changed",
    "person:password-reset": "Password reset by e-mail",
    "person:recovery-codes-made": "Recovery codes made",
    "person:sign-in-connected": "Sign-in by {provider} connected",
    "person:sign-in-disconnected": "Sign-in by {provider} disconnected",
    "person:signed-up": "Account made",
    "person:vouched": "E-mail taken as confirmed",
    "photo:kept": "A photo of a session's scene kept",
    "policy:check-asked": "Check of {subject} asked for",
    "policy:endpoint-moved": "{subject} is served at another address",
    "policy:listed": "{subject} listed: it was {pseudonym} until then",
    "policy:paused": "{subject} paused",
    "policy:registered": "{subject} registered",
    "policy:registered-unlisted": "{subject} registered, unlisted",
    "policy:resumed": "{subject} put back into the pool",
    "policy:retired": "{subject} retired",
    "policy:trial-waived": "{subject} put into the pool without a trial",
    "policy:tried": "{subject} put into the pool after its trial",
    "report:dismissed": "Report of a session dismissed",
    "report:made": "Session reported",
    "report:upheld": "Report of a session upheld",
    "request:cancelled": "Request of {lab} cancelled",
    "request:decided": "Request of {lab} ended: the two are told apart",
    "request:done": "Request of {lab} done",
    "request:expired": "Request of {lab} ended: its time is over",
    "request:paused": "Request of {lab} paused",
    "request:placed": "{wanted} evaluations of {version} ordered for {lab}",
    "request:resumed": "Request of {lab} resumed",
    "session:abandoned": "Session given up",
    "session:excluded": "Session excluded from every board",
    "session:expired": "Session expired",
    "session:guessed": "Guess before the reveal given",
    "session:judged-late": "Session judged after its end",
    "session:opened": "Session opened",
    "session:revealed": "Session revealed",
    "session:started": "First rollout of a session",
    "session:submitted": "Session judged",
    "session:tag-corrected": "Tag of a session corrected: {question} is {answer}",
    "session:tagged": "A session tagged by {provider}",
    "stake:declared": "Stake of {lab} in {policy} declared",
    "stake:ended": "Stake of {lab} in {policy} ended",
    "station:changed": "Station of {lab} described anew",
    "station:created": "Station of {lab} described",
    "station:retired": "Station of {lab} retired",
    "steward:created": "Steward now",
    "trial:asked": "Trial of {subject} at {host} asked for",
    "trial:go": "Trial of {subject}: go",
    "trial:no-go": "Trial of {subject}: no-go",
    "trial:withdrawn": "Trial of {subject} at {host} withdrawn",
    "work:failed": "Work of the background given up: {reason}",
    "work:retried": "Work of the background tried again",
    "work:skipped": "Work of the background skipped",
}

# Recorded with the person that they are about; only an operator's command does them.
BY_THE_OPERATOR = frozenset({"person:vouched", "steward:created"})
# What happens when its time has come, or when something else has happened, without anybody's act.
BY_ITSELF = frozenset(
    {
        "credits:weekly",
        "credits:welcomed",
        "media:unreadable",
        "policy:tried",
        "request:decided",
        "request:done",
        "request:expired",
        "session:expired",
        "session:revealed",
    }
)
# A person finds their sessions in a list of their own.
_OF_SESSIONS = ("episode:", "media:", "photo:", "session:")
_TOLD_LATER = "request:done"


@dataclass(frozen=True)
class EventInWords:
    event: AuditEvent
    text: str
    by: str
    # The other person that it was done to, where it was done by this one.
    whom: str
    why: str
    # The session that it is about, where everybody may read it.
    session_id: uuid.UUID | None = None


class _Details(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"


def own_events(person: Person) -> QuerySet[AuditEvent]:
    """What a person did to accounts, labs and keys, and what others did to theirs; the latest first."""
    concerned = [f"person:{person.pk}"]
    concerned += [f"key:{pk}" for pk in person.client_keys.values_list("pk", flat=True)]
    concerned += [f"api-key:{pk}" for pk in person.api_keys.values_list("pk", flat=True)]
    concerned += [f"application:{pk}" for pk in person.applications.values_list("pk", flat=True)]
    told = [tag for tag in WORDS if not tag.startswith(_OF_SESSIONS)]
    return _all().filter(Q(person=person) | Q(subject__in=concerned), tag__in=told)


def lab_events(lab: Lab) -> QuerySet[AuditEvent]:
    """What was done in a lab and to it, as its members may know it; the latest first."""
    return all_events().filter(lab=lab, tag__in=WORDS)


def all_events(*, prefix: str = "", lab: str = "", person: str = "") -> QuerySet[AuditEvent]:
    """For stewards, who may be members of labs as well: the latest first.

    prefix: what the tag begins with; lab: its slug; person: the e-mail of who did it or whom it was done to.
    """
    found = _all().exclude(tag=_TOLD_LATER, subject__in=_requests_with_veiled_sessions())
    if prefix:
        found = found.filter(tag__startswith=prefix)
    if lab:
        found = found.filter(lab__slug=lab)
    if person:
        pk = Person.objects.filter(email=person.strip().lower()).values_list("pk", flat=True).first()
        found = found.filter(Q(person=pk) | Q(subject=f"person:{pk}")) if pk else found.none()
    return found


def _all() -> QuerySet[AuditEvent]:
    return AuditEvent.objects.select_related("person", "lab").order_by("-at", "id")


def _requests_with_veiled_sessions() -> list[str]:
    veiled = Session.objects.filter(revealed_at=None, closed_at__isnull=False, request__isnull=False)
    return [request.purpose for request in EvaluationRequest.objects.filter(sessions__in=veiled).distinct()]


def in_words(
    events: Collection[AuditEvent], person: Person, *, steward: bool = False, names_invited: bool = True
) -> list[EventInWords]:
    """The events of a page as sentences, with a query each for the other people and the sessions in them.

    steward: stewards among those who did it are named. names_invited: those who were invited to a lab are.
    """
    ids = {_person_in(event.subject) for event in events} - {person.pk}
    names = {found.pk: str(found) for found in Person.objects.filter(pk__in=ids)}
    sessions = {found for event in events if (found := _session_in(event.subject))}
    public = Session.objects.public().filter(pk__in=sessions, training=False).values_list("pk", flat=True)
    readable = set(public) if sessions else set()
    return [
        EventInWords(
            event,
            text=_text(event, names_invited=names_invited),
            by=_by(event, person, steward=steward),
            whom=names.get(_person_in(event.subject), ""),
            why=_why(event),
            session_id=found if (found := _session_in(event.subject)) in readable else None,
        )
        for event in events
    ]


def _person_in(subject: str) -> int:
    kind, _, pk = subject.partition(":")
    return int(pk) if kind == "person" else 0


def _session_in(subject: str) -> uuid.UUID | None:
    kind, _, pk = subject.partition(":")
    return uuid.UUID(pk) if kind == "session" else None


def _text(event: AuditEvent, *, names_invited: bool) -> str:
    details = _Details({name: str(value) for name, value in event.details.items()})
    details["lab"] = event.lab.name if event.lab else "…"
    details["subject"] = event.subject
    if "role" in details:
        details["role"] = dict(Role.choices).get(details["role"], details["role"])
    if not names_invited:
        details["email"] = "Somebody"
    return WORDS.get(event.tag, "{subject}").format_map(details)


def _by(event: AuditEvent, person: Person, *, steward: bool) -> str:
    if event.person is None and event.tag in BY_ITSELF:
        return "the platform"
    if event.person is None or event.tag in BY_THE_OPERATOR:
        return "the operator"
    if event.person == person:
        return "you"
    return "a steward" if event.person.is_staff and not steward else str(event.person)


def _why(event: AuditEvent) -> str:
    """The reason that was given, and what was said beside it."""
    reason, comment = (str(event.details.get(name) or "") for name in ("reason", "comment"))
    if event.tag == "session:submitted" and event.details.get("valid"):
        reason = ""
    reason = str(dict(Reason.choices).get(reason, reason))
    return ": ".join(part for part in (reason, comment) if part)
