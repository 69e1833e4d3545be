"""Delete what has been kept long enough."""
