"""Hold what one can subscribe to, and how it presents itself."""
