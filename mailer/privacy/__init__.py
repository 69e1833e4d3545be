"""Answer what people may ask of us (RGPD)."""
