"""Read what is written to the published address."""
