"""What the recorded sessions of a policy version say, as figures with their sessions: all that a writer sees."""
