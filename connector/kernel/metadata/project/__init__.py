"""Projections of the neutral record: RDF by DCAT-AP.de 3.0, and JSON-LD of schema.org."""
