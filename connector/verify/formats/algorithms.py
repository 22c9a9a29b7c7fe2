"""Signature algorithms of seals: the certificate's key decides which one there is, never the seal itself (T54).

One key, one algorithm: P-256 `ES256`, P-384 `ES384`, RSA `PS256` (spec/contracts.md 2.3). Everything else, also what a
header may call `none`, `HS256`, `RS256` or `ES256K`, has no meaning here.
"""

from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from connector.verify.formats import base64url

FEWEST_BITS, MOST_BITS = 3000, 8192
"""RSA keys: the least that BSI TR-02102-1 still recommends, and a bound on the work that a stranger can ask for."""

_ECDSA = {32: ec.ECDSA(SHA256()), 48: ec.ECDSA(SHA384())}
"""By the bytes of one half of a signature."""
_CURVES = {"secp256r1": ("ES256", "P-256", 32), "secp384r1": ("ES384", "P-384", 48)}


def of_key(key: object) -> str | None:
    """The one algorithm of this public key; None if it may not seal."""
    match key:
        case ec.EllipticCurvePublicKey():
            found = _CURVES.get(key.curve.name)
            return None if found is None else found[0]
        case rsa.RSAPublicKey() if FEWEST_BITS <= key.key_size <= MOST_BITS:
            return "PS256"
        case _:
            return None


def length(key: object) -> int:
    """Bytes of a raw signature by this key, which `of_key` knows: R||S for a curve, the modulus for RSA."""
    match key:
        case ec.EllipticCurvePublicKey():
            return 2 * _CURVES[key.curve.name][2]
        case rsa.RSAPublicKey():
            return (key.key_size + 7) // 8
        case _:
            return 0


def verifies(key: object, signature: bytes, data: bytes) -> bool:
    """Whether the key made this raw signature over the data, by its own algorithm."""
    try:
        match key:
            case ec.EllipticCurvePublicKey() if len(signature) == length(key):
                half = len(signature) // 2
                pair = encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
                key.verify(pair, data, _ECDSA[half])
            case rsa.RSAPublicKey():
                key.verify(signature, data, padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size), SHA256())
            case _:
                return False
    except InvalidSignature:
        return False
    return True


def spelt(key: object) -> dict[str, object] | None:
    """The members by which a JWK spells exactly this public key; None for one that may not seal, or of another kind."""
    match key:
        case ec.EllipticCurvePublicKey() if key.curve.name in _CURVES:
            _, name, size = _CURVES[key.curve.name]
            numbers = key.public_numbers()
            x, y = (base64url.encode(number.to_bytes(size)) for number in (numbers.x, numbers.y))
            return {"kty": "EC", "crv": name, "x": x, "y": y}
        case rsa.RSAPublicKey():
            public = key.public_numbers()
            return {"kty": "RSA", "n": _unsigned(public.n), "e": _unsigned(public.e)}
        case _:
            return None


def spells(jwk: Mapping[str, object], members: Mapping[str, object] | None) -> bool:
    """Whether the JWK of a DID document has just these members of a key (`spelt`)."""
    return members is not None and all(jwk.get(name) == value for name, value in members.items())


def same_key(key: object, jwk: Mapping[str, object]) -> bool:
    """Whether the JWK of a DID document spells exactly this public key."""
    return spells(jwk, spelt(key))


def _unsigned(number: int) -> str:
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8))
