"""The operations of /api/v1/ on sessions."""
