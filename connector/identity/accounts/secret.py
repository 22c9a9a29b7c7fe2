"""Secrets that are shown once: 256 random bits in a cookie, a link or a key; what is kept is their SHA-256.

So much chance needs no slow hash, and whoever reads the database can use none of them (threats T25, T86).
"""

import re
import secrets
from hashlib import sha256

_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def fresh() -> str:
    """43 characters of base64url."""
    return secrets.token_urlsafe(32)


def shaped(secret: str) -> bool:
    """Whether it can be one of ours: anything else is not looked up."""
    return _SHAPE.fullmatch(secret) is not None


def digest(secret: str) -> str:
    """The SHA-256 in hexadecimal. A look-up by it tells nothing: nobody can choose digests byte by byte."""
    return sha256(secret.encode()).hexdigest()
