"""Reports of sessions and appeals against exclusions: the forms of those who say something, and the stewards' pages."""
