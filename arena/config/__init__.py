"""Settings, routes and entry points: the only part that stands above all apps."""
