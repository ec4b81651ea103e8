"""Keys: what programs show instead of a password. Stored as hashes, told once."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from arena.models.labs import Lab, Station
from arena.models.people import Person


class ClientKey(models.Model):
    """The access code of a RoboArena client: one person at one station, this scope only. Stored as a hash."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="client_keys")
    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="client_keys")
    prefix = models.CharField(max_length=8)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.person_id} at {self.station_id}"


class Scope(models.TextChoices):
    """What an API key may be used for, within what its person may do in its lab."""

    READ = "read", "read what you may see"
    EVALUATE = "evaluate", "open, run and submit sessions"
    OWN = "own", "order evaluations, and manage policies"
    MANAGE = "manage", "manage the lab: stations, members, access codes"


class ApiKey(models.Model):
    """A key of the API: one person in one lab, within some scopes. It ends with the membership."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="api_keys")
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField("what it is for", max_length=60)
    scopes = ArrayField(models.CharField(max_length=8, choices=Scope.choices))
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.person_id} in {self.lab_id}"
