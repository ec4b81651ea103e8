"""What was done: audit events, and the answers to writes that a client may repeat."""

import uuid

import pgtrigger
from django.db import models
from django.utils import timezone

from arena.models.labs import Lab
from arena.models.people import Person


class AuditEvent(models.Model):
    """What was done, by whom, to what: `session:submitted`, `key:revoked`. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    tag = models.CharField(max_length=60)
    subject = models.CharField(max_length=200, db_index=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="audit_events")
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, null=True, blank=True, related_name="audit_events")
    details = models.JSONField(default=dict)

    class Meta:
        ordering = ("-at",)
        triggers = [
            pgtrigger.Protect(name="audit_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.tag} {self.subject}"


class ApiWrite(models.Model):
    """The answer to a write that carried an `Idempotency-Key`: a repeat of the request is given it again."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="api_writes")
    key = models.CharField(max_length=80)
    # Method, path and body: the same key with another request is a mistake of the client's.
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    body = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "key"], name="api_write_unique")]

    def __str__(self) -> str:
        return f"{self.key} of {self.person_id}"
