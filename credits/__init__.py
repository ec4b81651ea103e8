"""The ledger of credits."""
