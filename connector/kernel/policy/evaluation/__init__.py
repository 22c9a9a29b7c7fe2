"""A policy and the state of the world become a decision with reasons."""
