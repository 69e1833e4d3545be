"""Hold who may be written to."""
