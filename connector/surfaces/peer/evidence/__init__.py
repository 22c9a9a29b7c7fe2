"""What partners and witnesses read or bring of evidence: objects, logs, statements, cosignatures."""
