"""base64 without slack: what is read must be exactly what would be written (spec/contracts.md 2.1).

Python's decoders skip foreign characters and accept unused bits; then a changed text would mean the same bytes, and a
change of a bundle would go unnoticed.
"""

import base64
import binascii

_URLSAFE = bytes.maketrans(b"+/", b"-_")


class BadBase64(ValueError):
    """Not the one spelling of its bytes."""


def encode(data: bytes) -> str:
    """base64url without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_URLSAFE, b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Bytes of unpadded base64url; BadBase64 for padding, foreign characters or unused bits."""
    try:
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as fault:
        raise BadBase64(text[:40]) from fault
    if encode(data) != text:
        raise BadBase64(text[:40])
    return data


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
