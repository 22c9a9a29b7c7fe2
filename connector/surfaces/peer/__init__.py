"""The public surface: other connectors, their tokens, our Dataspace Protocol endpoints."""
