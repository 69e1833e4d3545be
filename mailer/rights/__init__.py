"""What people may ask of us (RGPD), and what became of it."""
