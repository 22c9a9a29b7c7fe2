"""Policies and decisions in words for people, and how far each clause is enforced."""
