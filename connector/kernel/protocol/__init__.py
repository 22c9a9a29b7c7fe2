"""The pure kernel: Dataspace Protocol 2025-1 as frozen values and tables. No clock, random, log or await in here."""
