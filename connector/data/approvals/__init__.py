"""Approvals: what of a participant's waits until people have agreed to it, and how many have to."""
