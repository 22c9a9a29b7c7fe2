"""Seal keys that this process does not hold: one port, and one module per protocol in which a keeper is asked."""
