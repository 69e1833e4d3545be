"""Send an issue to many, and keep the ledger of it."""
