"""A city's catalogue taken in: the original kept whole, repaired, asked about, published as far as it conforms."""
