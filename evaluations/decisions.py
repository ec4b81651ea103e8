"""What labs, owners and reporters are written when something of theirs was asked, decided or has ended.

Nothing is told here of a session that is not revealed. Simulated labs have nobody to write to.
"""

import hashlib
from collections.abc import Iterable

from django.db.models import Q
from django.urls import reverse

from arena import notices
from arena.models import OWNER_ROLES, Lab, NoticeKind, Person, Role
from evaluations.models import Appeal, EvaluationRequest, Exclusion, Report, Session, Trial


def tell_trial_asked(trial: Trial, *, to: Iterable[Person]) -> None:
    version, name = trial.version, trial.version.label_for(trial.host_id)
    _write(
        [person for person in to if person.pk != trial.asked_by_id],
        NoticeKind.TRIAL_ASKED,
        key=f"trial:{trial.pk}:asked",
        subject=f"{trial.host} is asked for a trial",
        text=f"{version.policy.lab} asks {trial.host} to try {name} under your eyes, before it is dealt to anybody, "
        "and to say go or no-go. Its page says what it must respect, and starts a session.",
        path=reverse("trial", args=[trial.pk]),
    )


def tell_trial_decided(trial: Trial) -> None:
    lab = trial.version.policy.lab
    assert lab is not None
    goes = trial.state == Trial.State.GO
    said = f" They say: “{trial.comment}”" if trial.comment else ""
    became = "It is in the pool now." if goes else "It stays out of the pool."
    _write(
        _owners(lab, but=trial.decided_by),
        NoticeKind.TRIAL_DECIDED,
        key=f"trial:{trial.pk}:decided",
        subject=f"{trial.version}: {trial.get_state_display()}",
        text=f"{trial.host} has tried {trial.version} and says {trial.get_state_display()}. {became}{said}",
        path=reverse("policy-manage", args=[trial.version.policy.slug]),
    )


def tell_report_decided(report: Report) -> None:
    """Who reported without an account left no address. The steward's words are published where they exclude."""
    person = report.person
    if person is None or person.pk == report.decided_by_id:
        return
    excluded = Exclusion.objects.filter(session=report.session_id).exists()
    became = "It is excluded from every board; the reason stands on its page." if excluded else "It counts as before."
    _write(
        [person],
        NoticeKind.REPORT_DECIDED,
        key=f"report:{report.pk}:decided",
        subject="Your report on a session is decided",
        text=f"A steward has looked at the session “{_task(report.session)}” and {report.get_state_display()} your "
        f"report. {became}",
        path=reverse("session", args=[report.session_id]),
    )


def tell_excluded(exclusion: Exclusion) -> None:
    """Once it is revealed. Where many are excluded in one decision, each person is written to once a day."""
    session = exclusion.session
    if session.revealed_at is None or session.simulated:
        return
    why = hashlib.sha256(f"{exclusion.reason}\0{exclusion.comment}".encode()).hexdigest()[:16]
    _write(
        _of_the_lab(session, but=exclusion.person),
        NoticeKind.SESSION_EXCLUDED,
        key=f"excluded:{session.lab_id}:{why}:{exclusion.created_at:%Y%m%d}",
        subject="A session of your lab is excluded",
        text=f"A steward has excluded the session “{_task(session)}” of {session.lab} from every board "
        f"({exclusion.reason}): {exclusion.comment}\n\nWhat it earned is taken back. If that is wrong, appeal from its "
        "page: another steward decides. Should more sessions of your lab be excluded today with the same words, they "
        "stand among the events on your lab's page, without a further mail.",
        path=reverse("session", args=[session.pk]),
    )


def tell_appeal_decided(appeal: Appeal) -> None:
    session = appeal.exclusion.session
    became = "The exclusion is lifted: it counts again" if appeal.is_lifted else "The exclusion stands"
    concerned = {person.pk: person for person in [appeal.person, *_of_the_lab(session, but=appeal.decided_by)]}
    _write(
        concerned.values(),
        NoticeKind.APPEAL_DECIDED,
        key=f"appeal:{appeal.pk}:decided",
        subject="An appeal is decided",
        text=f"A second steward has decided on the exclusion of the session “{_task(session)}” of {session.lab}. "
        f"{became}. They say: {appeal.comment}",
        path=reverse("session", args=[session.pk]),
    )


def tell_request_ended(request: EvaluationRequest, *, why: str, by: Person | None = None) -> None:
    """That it is done would say what its last session held: it is told once none of its sessions is veiled.

    Expects the request locked, so that of two sessions that are revealed at once the later one tells it.
    """
    is_done = request.state == EvaluationRequest.State.DONE
    if request.lab.simulated or (is_done and request.sessions.filter(revealed_at=None).exists()):
        return
    _write(
        _owners(request.lab, but=by),
        NoticeKind.REQUEST_ENDED,
        key=f"{request.purpose}:ended",
        subject=f"Your request for {request.version} has ended",
        text=f"The request of {request.lab} for {request.wanted} evaluations of {request.version} has ended: "
        f"{why}. Its page has the sessions and what was returned.",
        path=reverse("request", args=[request.pk]),
    )


def _write(to: Iterable[Person], kind: NoticeKind, *, key: str, subject: str, text: str, path: str) -> None:
    for person in to:
        notices.write(kind=kind, person=person, key=f"{key}:{person.pk}", subject=subject, text=text, path=path)


def _owners(lab: Lab, *, but: Person | None) -> list[Person]:
    return _people(Q(memberships__lab=lab, memberships__role__in=OWNER_ROLES), but)


def _of_the_lab(session: Session, *, but: Person | None) -> list[Person]:
    """Its admins, and the session's evaluator while they are a member."""
    admin, evaluator = Q(memberships__role=Role.ADMIN), Q(pk=session.evaluator_id)
    return _people(Q(memberships__lab=session.lab_id) & (admin | evaluator), but)


def _people(chosen: Q, but: Person | None) -> list[Person]:
    found = Person.objects.filter(chosen).distinct().order_by("pk")
    return [person for person in found if person != but]


def _task(session: Session) -> str:
    return session.instruction if len(session.instruction) <= 80 else f"{session.instruction[:79]}…"
