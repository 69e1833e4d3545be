"""Serve the pages of visitors."""
