"""The consumer's side of the data plane: bytes are fetched or brought, and checked."""
