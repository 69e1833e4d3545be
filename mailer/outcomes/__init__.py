"""What comes back: bounces, complaints, replies; so far read and judged, changing nothing."""
