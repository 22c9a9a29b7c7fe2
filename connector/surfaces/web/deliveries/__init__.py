"""Deliveries as people see them: what came and went, the file, and links to it for programs."""
