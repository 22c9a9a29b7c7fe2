"""Pages on which people decide what waits for them, and who has to decide what."""
