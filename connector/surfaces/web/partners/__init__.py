"""Members of the data space, and what each side can see of the other."""
