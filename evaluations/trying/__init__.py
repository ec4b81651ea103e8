"""The pages of trials: for the lab that tries a version, for its owner, and for stewards."""
