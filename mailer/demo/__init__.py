"""Everything embedded, in one command: the letter goes to sample subscribers, into a local mailbox."""
