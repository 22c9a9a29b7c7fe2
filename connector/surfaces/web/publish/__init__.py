"""Publishing at the desk: from a file to an offer, in a few steps."""
