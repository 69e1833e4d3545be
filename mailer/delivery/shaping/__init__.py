"""Give each mailbox provider what it bears."""
