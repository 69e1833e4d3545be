"""Who may be written to, and why."""
