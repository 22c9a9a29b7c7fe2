"""Timers and leased jobs: what is done again and again, by one replica or by each."""
