"""Sessions, sides, episodes, results, media files, and what the relay measured."""

from evaluations.models.episodes import (
    KIND_PATTERN,
    Episode,
    FailureMode,
    MediaFile,
    Photo,
    RelayConnection,
    Upload,
)
from evaluations.models.pairing import PairEvidence, PairWeight
from evaluations.models.results import Draft, Exclusion, Guess, Preference, Result, ResultQuerySet
from evaluations.models.sessions import OPEN_STATES, Label, Session, SessionQuerySet, Side, State, TaskCategory

__all__ = [
    "KIND_PATTERN",
    "OPEN_STATES",
    "Draft",
    "Episode",
    "Exclusion",
    "FailureMode",
    "Guess",
    "Label",
    "MediaFile",
    "PairEvidence",
    "PairWeight",
    "Photo",
    "Preference",
    "RelayConnection",
    "Result",
    "ResultQuerySet",
    "Session",
    "SessionQuerySet",
    "Side",
    "State",
    "TaskCategory",
    "Upload",
]
