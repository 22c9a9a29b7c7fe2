"""`roots.pem`: what an auditor needs from outside a bundle, and all of it (spec/contracts.md 8.1).

Certificates are seal CAs, the one public key is the authority's, against which trust lists are verified.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from connector.foundation.errors import Mistake
from connector.identity.trust.keys.jwk import Jwk, encode, public_key

_BLOCK: Final = re.compile(r"-----BEGIN (CERTIFICATE|PUBLIC KEY)-----\n.+?\n-----END \1-----\n?", re.DOTALL)


def roots_pem(seal_cas: Sequence[str], authority_jwk: Jwk) -> str:
    """The PEM certificates of the seal CAs, then the authority's public key."""
    return "".join(pem.strip() + "\n" for pem in seal_cas) + authority_pem(authority_jwk)


def authority_pem(authority_jwk: Jwk) -> str:
    """The authority's public key as PEM."""
    key = public_key(authority_jwk)[1]
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def read_roots(text: str) -> tuple[list[str], dict[str, str]]:
    """PEM certificates and the authority's JWK; `Mistake` unless there is exactly one P-256 key."""
    blocks = [(match[1], match[0]) for match in _BLOCK.finditer(text.replace("\r\n", "\n"))]
    keys = [pem for label, pem in blocks if label == "PUBLIC KEY"]
    if len(keys) != 1:
        raise Mistake("trust.roots-file")
    return [pem for label, pem in blocks if label == "CERTIFICATE"], _jwk(keys[0])


def authority_key(place: Path) -> dict[str, str]:
    """The authority's pinned key from its file; `Mistake` if that is missing or not as it should be."""
    return read_roots(_text(place))[1]


def seal_cas(places: Sequence[Path]) -> list[x509.Certificate]:
    """All certificates in these PEM files."""
    try:
        return [found for place in places for found in x509.load_pem_x509_certificates(_text(place).encode("ascii"))]
    except ValueError as cause:
        raise Mistake("trust.roots-file") from cause


def _text(place: Path) -> str:
    try:
        return place.read_text(encoding="ascii")
    except UnicodeDecodeError as cause:
        raise Mistake("trust.roots-file") from cause
    except OSError as cause:
        raise Mistake("trust.no-roots", path=place) from cause


def _jwk(pem: str) -> dict[str, str]:
    try:
        key = load_pem_public_key(pem.encode("ascii"))
    except ValueError as cause:
        raise Mistake("trust.roots-file") from cause
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise Mistake("trust.roots-file")
    point = key.public_numbers()
    x, y = (encode(number.to_bytes(32, "big")) for number in (point.x, point.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
