"""Reads and writes foreign forms (RDF lists, JSON-LD, policies of other dialects): plain values in and out."""
