"""What every operation of /api/v1/ is built from, and the operations of labs, people and keys."""
