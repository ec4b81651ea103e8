"""Data that an older version wrote is carried over."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps
from django.utils import timezone

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

BEFORE = [("evaluations", "0004_media_claims"), ("arena", "0002_names_and_subjects")]


def migrate(targets: list[tuple[str, str]]) -> StateApps:
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


def write_a_session(apps: StateApps) -> None:
    now = timezone.now()
    get = apps.get_model
    lab = get("arena", "Lab").objects.create(slug="lab", name="Lab")
    person = get("arena", "Person").objects.create(email="dana@example.org", pseudonym="evaluator-1")
    embodiment = get("arena", "Embodiment").objects.create(name="DROID")
    station = get("arena", "Station").objects.create(lab=lab, name="bench", embodiment=embodiment, cameras=["left"])
    policy = get("arena", "Policy").objects.create(slug="alpha", name="alpha", lab=lab)
    version = get("arena", "PolicyVersion").objects.create(policy=policy, version="1", embodiment=embodiment)
    common = {"lab": lab, "station": station, "evaluator": person, "embodiment": embodiment, "pair_probability": 0.5}
    ended = get("evaluations", "Session").objects.create(
        **common, state="submitted", valid=True, instruction="ended", closed_at=now
    )
    get("evaluations", "Session").objects.create(**common, instruction="open", lease_expires_at=now)
    side = get("evaluations", "Side").objects.create(session=ended, label="A", version=version)
    episode = get("evaluations", "Episode").objects.create(side=side, progress=0.5)
    get("evaluations", "MediaFile").objects.create(
        episode=episode, kind="wrist", file="episodes/aa/aa.mp4", size=1, sha256="0" * 64
    )


def test_files_move_to_their_sides_and_what_has_ended_is_revealed() -> None:
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    try:
        write_a_session(migrate(BEFORE))
        apps = migrate(latest)
        media = apps.get_model("evaluations", "MediaFile").objects.get()
        assert (media.side.label, media.kind, media.received_at) == ("A", "wrist", media.side.episode.received_at)
        sessions = apps.get_model("evaluations", "Session").objects
        assert sessions.get(instruction="ended").revealed_at == sessions.get(instruction="ended").closed_at
        assert sessions.get(instruction="open").revealed_at is None
    finally:
        migrate(latest)
