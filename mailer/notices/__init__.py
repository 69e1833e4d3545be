"""Send a single mail to a single person."""
