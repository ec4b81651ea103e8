"""What can be wrong with a question to the ranking core.

    RankingError              every error below; has a stable `code` and one sentence for a person
    ├── InvalidComparisons    the table contradicts itself (lengths, ranges, a policy against itself)
    ├── InvalidSettings       a setting outside its range
    ├── UnknownModel          no model of that name
    ├── NothingToRank         there is no comparison
    └── NoFiniteEstimate      the likelihood has no finite maximum and no prior holds it

Input that is poor but has an answer (one lab, no ties, an unbeaten policy) is no error: the answer carries a warning.
"""


class RankingError(ValueError):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class InvalidComparisons(RankingError):
    pass


class InvalidSettings(RankingError):
    pass


class UnknownModel(RankingError):
    pass


class NothingToRank(RankingError):
    pass


class NoFiniteEstimate(RankingError):
    pass
