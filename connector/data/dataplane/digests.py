"""The digest that a header states for a whole (RFC 9530, `Repr-Digest`)."""

import base64
import binascii
import re
from collections.abc import Mapping

_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):", re.ASCII)


def stated(headers: Mapping[str, str]) -> str | None:
    """SHA-256 in lower-case hex, None if there is none or it is malformed."""
    match = _DIGEST.search(headers.get("Repr-Digest", ""))
    try:
        return base64.b64decode(match.group(1)).hex() if match else None
    except binascii.Error:
        return None
