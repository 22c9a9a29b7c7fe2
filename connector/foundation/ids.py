"""Fresh identifiers. Protocol pids, agreements and message ids are `urn:uuid:` IRIs (spec/protocol.md 1.3)."""

import secrets
import uuid

from connector.foundation.clock import SystemClock

_CLOCK = SystemClock()
_RANDOM_BITS = 74


def new_uuid() -> str:
    """A random UUID (version 4) as 36 characters: nobody who is not told finds it."""
    return str(uuid.uuid4())


def new_id() -> str:
    """A `urn:uuid:` IRI that begins with the time (UUID version 7, RFC 9562 5.7), the rest is random.

    What is made at one time stands together in the indexes of a database: a commit writes few pages of them, however
    many old rows there are (decision 0088). When a process began is no secret: its messages say so.
    """
    random = secrets.randbits(_RANDOM_BITS)
    high = (_CLOCK.now() & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | random >> 62
    text = f"{high << 64 | 0x8 << 60 | random & (1 << 62) - 1:032x}"
    return f"urn:uuid:{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
