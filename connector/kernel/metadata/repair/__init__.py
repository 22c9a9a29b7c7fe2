"""Repairs of foreign metadata: named rules on triples, and questions for what only a person knows."""
