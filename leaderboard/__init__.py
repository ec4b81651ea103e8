"""Ranking models, boards and their immutable snapshots."""
