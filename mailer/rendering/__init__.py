"""Turn text into HTML; know nothing of newsletters."""
