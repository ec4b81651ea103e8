"""The ranking core: comparisons of policies in, scores with their uncertainty out. Pure: numpy and scipy alone.

    comparisons = encode(policy_a=[...], policy_b=[...], preference=["A", "TIE", ...], lab=[...])
    result = fit(comparisons)

comparisons → cells (aggregated) → a model's Estimate → intervals → ranks and groups → FitResult. A further model joins
by handing over an Estimate: see `fit.MODELS`.
"""

from leaderboard.ranking.comparisons import Comparisons, Outcome, encode
from leaderboard.ranking.davidson import DavidsonSettings
from leaderboard.ranking.errors import (
    InvalidComparisons,
    InvalidSettings,
    NoFiniteEstimate,
    NothingToRank,
    RankingError,
    UnknownModel,
)
from leaderboard.ranking.fit import DEFAULT_MODEL, MODELS, default_settings, estimate, fit, settings_from_json
from leaderboard.ranking.joint_settings import JointSettings
from leaderboard.ranking.result import FitResult, PolicyResult
from leaderboard.ranking.review import Review, review
from leaderboard.ranking.settings import IntervalSettings, ModelSettings

__all__ = [
    "DEFAULT_MODEL",
    "MODELS",
    "Comparisons",
    "DavidsonSettings",
    "FitResult",
    "IntervalSettings",
    "InvalidComparisons",
    "InvalidSettings",
    "JointSettings",
    "ModelSettings",
    "NoFiniteEstimate",
    "NothingToRank",
    "Outcome",
    "PolicyResult",
    "RankingError",
    "Review",
    "UnknownModel",
    "default_settings",
    "encode",
    "estimate",
    "fit",
    "review",
    "settings_from_json",
]
