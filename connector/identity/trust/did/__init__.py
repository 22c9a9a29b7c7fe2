"""did:web identifiers and DID documents: ours, and those of others."""
