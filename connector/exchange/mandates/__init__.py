"""A provider acts for a town: the mandate that the town gives, shows and withdraws (spec/mandates.md)."""
