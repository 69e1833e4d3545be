"""How it leaves."""
