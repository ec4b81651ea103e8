"""What owners order: placing and ending requests, serving them in draws, settling their sessions, and forecasts."""
