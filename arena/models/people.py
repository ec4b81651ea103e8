"""People: who has an account."""

import secrets
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone


class NoticeKind(models.TextChoices):
    """What we write to people about by e-mail. What they asked for themselves is always sent."""

    SESSION_EXPIRING = "session-expiring", "a session of yours is about to run out"
    SESSION_EXPIRED = "session-expired", "a session of yours ran out"
    MEDIA_UNREADABLE = "media-unreadable", "a video that you uploaded cannot be read"
    SESSION_EXCLUDED = "session-excluded", "a session of your lab is excluded from the boards"
    APPEAL_DECIDED = "appeal-decided", "an appeal of yours, or about a session of your lab, is decided"
    REPORT_DECIDED = "report-decided", "a report of yours on a session is decided"
    TRIAL_ASKED = "trial-asked", "your lab is asked for a trial of a policy"
    TRIAL_DECIDED = "trial-decided", "a trial of a policy of your lab is decided"
    REQUEST_ENDED = "request-ended", "a request of your lab for evaluations has ended"
    REPORT_DIGEST = "report-digest", "there are new reports on policies of your lab"
    MEMBER_JOINED = "member-joined", "somebody joined a lab that you administer"
    APPLICATION_RECEIVED = "application-received", "a lab has applied (stewards)"
    APPLICATION_DECIDED = "application-decided", "a steward decided on your application"
    INVITATION = "invitation", "a lab invites you"


ALWAYS_SENT = frozenset({NoticeKind.APPLICATION_DECIDED, NoticeKind.INVITATION})


class PersonManager(BaseUserManager["Person"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Person":
        person = self.model(email=email.strip().lower(), pseudonym=f"evaluator-{secrets.token_hex(4)}", **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Person":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "Person":
        return self.get(email=(username or "").strip().lower())


class Person(AbstractBaseUser, PermissionsMixin):
    """Someone with an account, known by e-mail (stored in lower case); a steward is staff."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    pseudonym = models.CharField(max_length=40, unique=True, editable=False)
    is_staff = models.BooleanField("steward", default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    muted_notices = ArrayField(models.CharField(max_length=24, choices=NoticeKind.choices), default=list, blank=True)
    # When the training session was finished that a new evaluator does first.
    trained_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "email"

    class Meta:
        verbose_name_plural = "people"
        constraints = [models.CheckConstraint(condition=Q(email=Lower("email")), name="person_email_lower_case")]

    def __str__(self) -> str:
        return self.name or self.email


class Notice(models.Model):
    """A message to a person, or to an address that may have no account, sent by the worker. Its key keeps it single."""

    key = models.CharField(max_length=120, unique=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="notices", null=True, blank=True)
    email = models.EmailField("address, where it is not a person's", blank=True)
    kind = models.CharField(max_length=24, choices=NoticeKind.choices)
    subject = models.CharField(max_length=160)
    text = models.TextField()
    path = models.CharField("the page that it is about", max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    # Sent, or left unsent because the person does not want this kind; null while it waits.
    settled_at = models.DateTimeField(null=True, blank=True)
    sent = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Nobody else tries before this: a sender is at it, or the last attempt failed.
    next_try_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-created_at",)
        indexes = [models.Index(fields=["next_try_at"], condition=Q(settled_at=None), name="notice_due")]
        constraints = [
            models.CheckConstraint(
                condition=Q(person__isnull=False, email="") | (Q(person=None) & ~Q(email="")), name="notice_to_one"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.person_id or self.email}"
