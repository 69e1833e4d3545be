"""Keep the decisions people took outside the database, to be replayed after a restore."""
