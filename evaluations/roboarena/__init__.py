"""The RoboArena protocol: what the public evaluation client (1.4 and 1.5) and the public website ask of a server."""
