"""Know who may be written to, and why."""
