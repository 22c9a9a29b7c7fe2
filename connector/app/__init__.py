"""Composition, and nothing else: settings in, the services and surfaces of one running process out."""
