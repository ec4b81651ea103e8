"""The owner's desk: policies and versions of one's lab, checks of their servers, what to take home."""
