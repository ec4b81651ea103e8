"""Checks of a version's server, asked for by its owner and made by a worker."""

from datetime import datetime, timedelta
from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from arena import audit
from arena.jobs import Job, enqueue
from arena.models import Endpoint, Person, PolicyVersion
from arena.policies import EndpointCheck, record_endpoint_check
from evaluations.desk.examination import Examination, Finding, Outcome, Step, examine
from evaluations.models import ProtocolCheck

# An examination that was begun so long ago has died with its worker. The slowest server is given up sooner.
CLAIM = timedelta(minutes=15)
MOST_ATTEMPTS = 3


def ask(*, version: PolicyVersion, by: Person | None, now: datetime) -> ProtocolCheck:
    """A check of this version, soon. One that waits or runs already is it."""
    try:
        with transaction.atomic():
            check = ProtocolCheck.objects.create(version=version, person=by, asked_at=now)
            audit.record("policy:check-asked", subject=version.label, person=by, lab=version.policy.lab)
    except IntegrityError:
        check = ProtocolCheck.objects.get(version=version, finished_at=None)
    enqueue(Job.CHECK_POLICY, check_id=str(check.pk))
    return check


def run(*, check_id: str, now: datetime) -> ProtocolCheck | None:
    """Make a check that waits. None where it is another's, or done."""
    if not _waiting(now).filter(pk=UUID(check_id)).update(claimed_at=now, attempts=F("attempts") + 1):
        return None
    check = ProtocolCheck.objects.select_related("version__policy").get(pk=UUID(check_id))
    endpoint = Endpoint.objects.filter(version=check.version).first()
    if endpoint is None:
        return _finish(check, _without_address(), now)
    found = async_to_sync(examine)(endpoint.url, allow_private=settings.ALLOW_PRIVATE_ENDPOINTS)
    _keep_health(endpoint, found)
    return _finish(check, found, now)


def enqueue_stale(*, now: datetime) -> int:
    """Ask again for checks whose nudge was lost or whose worker died; give up what kept dying."""
    hopeless = _waiting(now).filter(attempts__gte=MOST_ATTEMPTS)
    for check in hopeless:
        found = Examination()
        found.note(Step.HANDSHAKE, Outcome.COULD_NOT_CHECK, "The check was cut short three times.")
        found.fill()
        _finish(check, found, now)
    waiting = _waiting(now).values_list("pk", flat=True)
    for pk in waiting:
        enqueue(Job.CHECK_POLICY, check_id=str(pk))
    return len(waiting)


def made_of(version: PolicyVersion) -> QuerySet[ProtocolCheck]:
    """The latest first."""
    return ProtocolCheck.objects.filter(version=version).order_by("-asked_at")


def findings(check: ProtocolCheck) -> list[Finding]:
    return [Finding(Step(one["step"]), Outcome(one["outcome"]), one["sentence"]) for one in check.findings]


def _waiting(now: datetime) -> QuerySet[ProtocolCheck]:
    return ProtocolCheck.objects.filter(Q(claimed_at=None) | Q(claimed_at__lte=now - CLAIM), finished_at=None)


def _finish(check: ProtocolCheck, found: Examination, now: datetime) -> ProtocolCheck:
    check.findings = [vars(finding) for finding in found.findings]
    check.passed = found.passed
    check.first_ms, check.median_ms, check.p95_ms = found.first_ms, found.median_ms, found.p95_ms
    check.finished_at = now
    check.save(update_fields=["findings", "passed", "first_ms", "median_ms", "p95_ms", "finished_at"])
    return check


def _keep_health(endpoint: Endpoint, found: Examination) -> None:
    """A server that fails a step counts as down; one that could not be reached, as one more failed check."""
    failed = next((finding for finding in found.findings if finding.outcome == Outcome.FAILED), None)
    check = EndpointCheck(
        reached=found.reached or failed is not None,
        problem=failed.sentence if failed else ("" if found.reached else found.findings[0].sentence),
        metadata=found.metadata,
    )
    record_endpoint_check(endpoint=endpoint, check=check)


def _without_address() -> Examination:
    found = Examination()
    found.note(Step.HANDSHAKE, Outcome.FAILED, "No address is registered for this version.")
    found.fill()
    return found
