"""The management surface: the city's own machines and the command line. Plain JSON, problem+json errors (RFC 9457)."""
