"""Shared by the three HTTP surfaces: strict JSON, address guard, limits, listening, calling out."""
