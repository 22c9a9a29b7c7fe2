"""Public keys as JWKs (RFC 7517, 7638, 9964): the key decides the algorithm, a token never (spec/trust.md 2.4, T06).

A JWK is taken only if it is public, complete, on its curve, and of a size that still counts as safe.
"""

import binascii
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from connector.foundation.errors import PeerError

Jwk = Mapping[str, object]
Members = tuple[tuple[str, object], ...]
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

CURVES: Final = {"P-256": (ec.SECP256R1(), "ES256", 32), "P-384": (ec.SECP384R1(), "ES384", 48)}
RSA_READ_BITS: Final = 2048
LONGEST_KEPT: Final = 4_096
"""Characters of a JWK that is kept: a peer writes them. The longest of ours takes half of it."""
_REQUIRED: Final = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
    "AKP": ("alg", "kty", "pub"),
}
_PRIVATE: Final = frozenset({"d", "k", "p", "q", "dp", "dq", "qi", "oth", "priv"})
_URLSAFE: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_PLAIN: Final = bytes.maketrans(b"-_", b"+/")
_LAST: Final = {2: frozenset("AQgw"), 3: frozenset("AEIMQUYcgkosw048")}
"""How a text may end whose last sign carries fewer than six bits: the others are zero."""
_SYNONYMS: Final = {"Ed25519": "EdDSA"}


def encode(octets: bytes) -> str:
    """base64url without padding."""
    return binascii.b2a_base64(octets, newline=False).translate(_SAFE, b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Strict base64url: no padding, no foreign characters, no stray bits. ValueError otherwise."""
    octets = text.encode("ascii")
    if octets.translate(None, _URLSAFE):
        raise ValueError("base64url")
    over = len(text) % 4
    if over == 1 or (over and text[-1] not in _LAST[over]):
        raise ValueError("base64url")
    return binascii.a2b_base64(octets.translate(_PLAIN) + b"=" * (-over % 4))


def thumbprint(jwk: Jwk) -> str:
    """The RFC 7638 thumbprint (SHA-256, base64url): the fragment of our key ids."""
    try:
        members = {name: jwk[name] for name in _REQUIRED[str(jwk["kty"])]}
    except KeyError as cause:
        raise PeerError("trust.jwk") from cause
    return encode(hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest())


def public_key(jwk: Jwk) -> tuple[str, PublicKey]:
    """The algorithm and key of a JWK; `PeerError` if it is private, symmetric, malformed, weak or of another kind."""
    try:
        if _PRIVATE & jwk.keys():
            raise ValueError("private or symmetric")
        try:
            return _kept(tuple(jwk.items()))
        except TypeError:
            members = tuple(item for item in jwk.items() if isinstance(item[1], str))
            return _parsed(members) if _long(members) else _kept(members)
    except (ValueError, KeyError) as cause:
        raise PeerError("trust.jwk") from cause


@lru_cache(maxsize=4096)
def _kept(members: Members) -> tuple[str, PublicKey]:
    """TypeError for what is not remembered: a list cannot be, and what is long, a peer may have written to fill our
    memory. Nothing that counts in a key is either."""
    if _long(members):
        raise TypeError
    return _parsed(members)


def _long(members: Members) -> bool:
    return sum(len(name) + len(value) for name, value in members if isinstance(value, str)) > LONGEST_KEPT


def _parsed(members: Members) -> tuple[str, PublicKey]:
    jwk = {name: value for name, value in members if isinstance(value, str)}
    alg, key = _key(jwk)
    if _SYNONYMS.get(jwk.get("alg", alg), jwk.get("alg", alg)) != alg or jwk.get("use", "sig") != "sig":
        raise ValueError("alg or use does not fit the key")
    return alg, key


def _key(jwk: Mapping[str, str]) -> tuple[str, PublicKey]:
    kty, crv = jwk["kty"], jwk.get("crv", "")
    if kty == "EC" and crv in CURVES:
        curve, alg, size = CURVES[crv]
        x, y = _octets(jwk["x"], size), _octets(jwk["y"], size)
        numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve)
        return alg, numbers.public_key()
    if kty == "OKP" and crv == "Ed25519":
        return "EdDSA", ed25519.Ed25519PublicKey.from_public_bytes(_octets(jwk["x"], 32))
    if kty == "RSA":
        return "PS256", _rsa(jwk)
    raise ValueError("key type")


def _rsa(jwk: Mapping[str, str]) -> rsa.RSAPublicKey:
    e, n = (int.from_bytes(decode(jwk[name]), "big") for name in ("e", "n"))
    if not RSA_READ_BITS <= n.bit_length() <= 8192 or e.bit_length() > 64:
        raise ValueError("RSA size")
    return rsa.RSAPublicNumbers(e, n).public_key()


def _octets(text: str, size: int) -> bytes:
    octets = decode(text)
    if len(octets) != size:
        raise ValueError("length")
    return octets
