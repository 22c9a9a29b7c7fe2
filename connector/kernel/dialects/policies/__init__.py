"""Policies of other dialects become ours and back: ODRL in JSON-LD and RDF, EDC, Catena-X."""
