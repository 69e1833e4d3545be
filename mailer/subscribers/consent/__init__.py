"""Hold the chained proof of why somebody may be written to."""
