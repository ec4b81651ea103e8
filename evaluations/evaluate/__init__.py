"""The pages on which an evaluator runs a session: started, run, scored, judged, submitted, guessed at, revealed."""
