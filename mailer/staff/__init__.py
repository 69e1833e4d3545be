"""Know who works here."""
