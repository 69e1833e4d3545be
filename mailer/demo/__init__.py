"""Show the product in one command: everything embedded, a letter to sample subscribers, a local mailbox."""
