"""A backup, a restored database, and what was asked for in between."""
