"""Fresh identifiers. Protocol pids, agreements and message ids are `urn:uuid:` IRIs (spec/protocol.md 1.3)."""

import uuid


def new_uuid() -> str:
    """A random UUID as 36 characters."""
    return str(uuid.uuid4())


def new_id() -> str:
    """A random `urn:uuid:` IRI."""
    return f"urn:uuid:{uuid.uuid4()}"
