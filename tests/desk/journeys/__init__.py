"""Journeys of the people whom the desk is for, played in a real browser against running towns (spec/desk.md 1.9)."""
