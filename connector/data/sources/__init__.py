"""Where a provider's bytes come from. A steward registers them beforehand; no request ever names a path or URL."""
