"""Figures of reuse, counted from the participant's signed log by definitions that are data (spec/records.md 8)."""
