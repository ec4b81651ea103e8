"""Boards (questions put to the data), snapshots (immutable answers) and the inputs they were computed from."""

import pgtrigger
from django.db import models
from django.utils import timezone


class SnapshotInput(models.Model):
    """The comparisons behind a snapshot, byte for byte: gzip of a canonical CSV, kept under its SHA-256."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    content = models.BinaryField()
    rows = models.PositiveIntegerField()

    class Meta:
        triggers = [pgtrigger.Protect(name="input_immutable", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.rows} comparisons {self.sha256[:12]}"


class Snapshot(models.Model):
    board = models.SlugField(max_length=60)
    created_at = models.DateTimeField(default=timezone.now)
    input = models.ForeignKey(SnapshotInput, on_delete=models.PROTECT, related_name="snapshots")
    model = models.CharField(max_length=40)
    settings = models.JSONField()
    code_version = models.CharField(max_length=80)
    # Sessions that ended, sessions that were counted, and the rest by reason.
    total = models.PositiveIntegerField()
    counted = models.PositiveIntegerField()
    excluded = models.JSONField(default=dict)
    result = models.JSONField()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [models.Index(fields=["board", "-created_at", "-id"], name="snapshot_latest")]
        triggers = [pgtrigger.Protect(name="snapshot_immutable", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.board} as of {self.created_at:%Y-%m-%d %H:%M}"
