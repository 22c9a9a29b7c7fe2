"""Whether a policy can be used at all, and whether two policies can hold together."""
