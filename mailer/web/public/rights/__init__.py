"""Serve the pages of whoever exercises a right."""
