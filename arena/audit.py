"""The audit trail: who did what to what, as `subject:action` tags. Never holds secrets."""

from typing import Any

from arena.models import AuditEvent, Lab, Person


def record(
    tag: str, *, subject: object, person: Person | None = None, lab: Lab | None = None, **details: Any
) -> AuditEvent:
    return AuditEvent.objects.create(tag=tag, subject=str(subject), person=person, lab=lab, details=details)
