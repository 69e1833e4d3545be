"""Serve the pages of staff."""
