"""Where a consumer's bytes go. Partial bytes survive a crash and are resumed; only verified ones get their name."""
