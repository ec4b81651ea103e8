class ServicesError(Exception):
    """A server cannot be had; the message says why and, where it can, what to do."""
