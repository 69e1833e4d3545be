"""Back up, restore, and replay what people decided in between."""
