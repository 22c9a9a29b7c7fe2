"""base64 without slack: what is read must be exactly what would be written (spec/contracts.md 2.1).

Python's decoders skip foreign characters and accept unused bits; then a changed text would mean the same bytes, and a
change of a bundle would go unnoticed.
"""

import base64
import binascii

_URLSAFE = bytes.maketrans(b"+/", b"-_")
_PLAIN = bytes.maketrans(b"-_+/=", b"+/\x80\x80\x80")
"""Back again; what only the other alphabet has becomes what no alphabet has."""
_LAST = {0: None, 2: frozenset(b"AQgw"), 3: frozenset(b"AEIMQUYcgkosw048")}
"""How a text may end whose last sign carries fewer than six bits: the others are zero."""


class BadBase64(ValueError):
    """Not the one spelling of its bytes."""


def octets(data: bytes) -> bytes:
    """base64url without padding, as the octets of its characters."""
    return binascii.b2a_base64(data, newline=False).translate(_URLSAFE, b"=")


def encode(data: bytes) -> str:
    """base64url without padding."""
    return octets(data).decode("ascii")


def decode(text: str) -> bytes:
    """Bytes of unpadded base64url; BadBase64 for padding, foreign characters or unused bits."""
    last = _LAST.get(len(text) % 4, frozenset())
    try:
        plain = text.encode("ascii").translate(_PLAIN)
        if last is not None and plain[-1] not in last:
            raise ValueError("unused bits")
        return binascii.a2b_base64(plain + b"=" * (-len(text) % 4), strict_mode=True)
    except ValueError as fault:
        raise BadBase64(text[:40]) from fault


def encode_padded(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648 section 4): `x5c`, checkpoints, proofs."""
    return base64.b64encode(data).decode("ascii")


def decode_padded(text: str) -> bytes:
    """Bytes of standard base64; BadBase64 unless it is spelled exactly so."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as fault:
        raise BadBase64(text[:40]) from fault
    if encode_padded(data) != text:
        raise BadBase64(text[:40])
    return data
