"""Let go of what has been kept long enough."""
