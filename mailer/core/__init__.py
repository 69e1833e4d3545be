"""Hold what knows nothing of newsletters."""
