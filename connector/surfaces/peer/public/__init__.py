"""What everybody may read of a participant: its catalogue, its datasets, and the files that are open."""
