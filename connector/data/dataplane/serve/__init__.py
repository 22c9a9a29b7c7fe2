"""The provider's side of the data plane: bytes are read from a source and sent."""
