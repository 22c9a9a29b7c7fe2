"""Foreign catalogues that a participant takes in, at the desk."""
