"""A contract negotiation: what we are told, what we decide, what we say next."""
