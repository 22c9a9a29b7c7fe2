"""Rule templates of `policies/`: filled with what a steward chose, and recognised again."""
