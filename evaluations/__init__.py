"""Pairing, sessions, episodes, uploads, blinding, the relay and the RoboArena protocol."""
