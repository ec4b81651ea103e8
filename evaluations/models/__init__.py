"""Sessions, sides, episodes, results, media files, what the relay measured, what owners ordered, trials and tags."""

from evaluations.models.checks import ProtocolCheck
from evaluations.models.episodes import (
    KIND_PATTERN,
    Episode,
    FailureMode,
    MediaFile,
    Photo,
    RelayConnection,
    Upload,
)
from evaluations.models.pairing import PairEvidence, PairWeight, Weighing
from evaluations.models.reports import Appeal, Report
from evaluations.models.requests import LARGEST_REQUEST, EvaluationRequest
from evaluations.models.results import Draft, Exclusion, Guess, Preference, Result, ResultQuerySet
from evaluations.models.sessions import (
    EXCLUDED,
    OPEN_STATES,
    Label,
    Session,
    SessionQuerySet,
    Side,
    State,
    TaskCategory,
)
from evaluations.models.tags import ProposedProgress, Tag, Tagging
from evaluations.models.trials import Trial

__all__ = [
    "EXCLUDED",
    "KIND_PATTERN",
    "LARGEST_REQUEST",
    "OPEN_STATES",
    "Appeal",
    "Draft",
    "Episode",
    "EvaluationRequest",
    "Exclusion",
    "FailureMode",
    "Guess",
    "Label",
    "MediaFile",
    "PairEvidence",
    "PairWeight",
    "Photo",
    "Preference",
    "ProposedProgress",
    "ProtocolCheck",
    "RelayConnection",
    "Report",
    "Result",
    "ResultQuerySet",
    "Session",
    "SessionQuerySet",
    "Side",
    "State",
    "Tag",
    "Tagging",
    "TaskCategory",
    "Trial",
    "Upload",
    "Weighing",
]
