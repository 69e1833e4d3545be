"""Tell a person when something stands still."""
