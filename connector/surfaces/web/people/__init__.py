"""Who works for a participant, and the keys of its programs."""
