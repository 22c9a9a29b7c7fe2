"""Who belongs to the data space: the signed trust list and what follows from it."""
