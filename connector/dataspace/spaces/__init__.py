"""Data spaces: the role of an authority, and joining one (spec/spaces.md)."""
