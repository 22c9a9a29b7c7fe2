"""JSON Web Tokens, strictly: the only module that knows PyJWT (spec/trust.md 3; T03, T05 to T07).

`read` takes a token apart and believes nothing; `check` judges header and claims cheaply, before any key is fetched;
`verify` adds the signature. The algorithm is a property of the key. Nothing here stores a `jti`: that is the caller's.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NewType

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import Struct

from connector.foundation import canonical_json
from connector.foundation.errors import PeerError, Unauthenticated, Untimely
from connector.foundation.http.strict import loads
from connector.identity.trust.keys.jwk import Jwk, decode, encode, public_key
from connector.identity.trust.keys.signing import Signer

VerifiedClaims = NewType("VerifiedClaims", Mapping[str, Any])

ALGORITHMS: Final = frozenset({"ES256", "ES384", "EdDSA", "PS256"})
FORBIDDEN: Final = frozenset({"zip", "enc", "b64", "crit"})
REQUIRED: Final = ("iss", "sub", "aud", "jti", "iat", "exp")
SELF_ISSUED: Final = frozenset({None, "JWT"})
LEEWAY_S: Final = 30
LONGEST_S: Final = 600
LONGEST_OFF_S: Final = 1e9
LONGEST_JTI: Final = 256
LONGEST_INNER: Final = 4096
LIMIT: Final = 65_536
USUAL_HEADER: Final = 512
"""Characters of a header that is worth remembering; what is longer is no token of a connector."""
_ES256: Final = ec.ECDSA(SHA256())
_ES256_OCTETS: Final = 64


class Unverified(Struct, frozen=True):
    """A well-formed token that nobody has vouched for yet."""

    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    @property
    def kid(self) -> str | None:
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None


def read(token: str, *, limit: int = LIMIT, nodes: int = 10_000) -> Unverified:
    """The parts of a compact JWS: three strict base64url segments, strict JSON objects, an algorithm that we know."""
    try:
        if len(token) > limit:
            raise ValueError(limit)
        head, body, signature = token.split(".", 3)
        if not signature:
            raise ValueError("unsigned")
        header = _usual_header(head) if len(head) <= USUAL_HEADER else loads(decode(head), limit=4096)
        octets, claims = decode(signature), loads(decode(body), limit=limit, nodes=nodes, string=limit)
    except (ValueError, PeerError) as cause:
        raise Unauthenticated("trust.token-form") from cause
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise Unauthenticated("trust.token-form")
    if header.get("alg") not in ALGORITHMS or FORBIDDEN & header.keys():
        raise Unauthenticated("trust.token-header")
    return Unverified(token, header, claims, token[: len(head) + 1 + len(body)].encode("ascii"), octets)


def claimed(token: str) -> str:
    """The DID whose key the header names, whoever wrote that, without reading further; empty if it names none."""
    head = token.partition(".")[0]
    try:
        header = _usual_header(head) if len(head) <= USUAL_HEADER else None
    except (ValueError, PeerError) as cause:
        raise Unauthenticated("trust.token-form") from cause
    kid = header.get("kid") if isinstance(header, dict) else None
    return kid.partition("#")[0] if isinstance(kid, str) else ""


@lru_cache(maxsize=1024)
def _usual_header(segment: str) -> object:
    """A member's tokens all have the same header: read once, never changed."""
    return loads(decode(segment), limit=4096)


def check(
    token: Unverified,
    *,
    aud: str,
    now: int,
    typ: frozenset[str | None] = SELF_ISSUED,
    require: tuple[str, ...] = REQUIRED,
    leeway_s: int = LEEWAY_S,
) -> str:
    """The issuer that the token claims, if header, audience, times (`now` in milliseconds) and shapes are right."""
    claims = token.claims
    if _typ(token) not in typ:
        raise Unauthenticated("trust.token-type")
    if not all(map(claims.__contains__, require)) or "sub_jwk" in claims:
        raise Unauthenticated("trust.token-claims")
    if claims.get("aud") not in (aud, [aud]):
        raise Unauthenticated("trust.token-audience")
    issuer, jti = claims.get("iss"), claims.get("jti", "")
    if not isinstance(issuer, str) or claims.get("sub") != issuer:
        raise Unauthenticated("trust.token-issuer")
    if not isinstance(jti, str) or len(jti) > LONGEST_JTI or ("jti" in require and not jti):
        raise Unauthenticated("trust.token-claims")
    _inner(claims.get("token"))
    _times(claims, now / 1000, leeway_s)
    if (kid := token.kid) is not None and kid.partition("#")[0] != issuer:
        raise Unauthenticated("trust.token-issuer")
    return issuer


def verify(
    token: str | Unverified,
    jwk: Jwk,
    *,
    aud: str,
    iss: str,
    now: int,
    typ: frozenset[str | None] = SELF_ISSUED,
    require: tuple[str, ...] = REQUIRED,
    leeway_s: int = LEEWAY_S,
) -> VerifiedClaims:
    """The claims of a token that the holder of `jwk` issued as `iss` for us; `Unauthenticated` otherwise."""
    unverified = read(token) if isinstance(token, str) else token
    if check(unverified, aud=aud, now=now, typ=typ, require=require, leeway_s=leeway_s) != iss:
        raise Unauthenticated("trust.token-issuer")
    return proven(unverified, jwk)


def proven(token: Unverified, jwk: Jwk) -> VerifiedClaims:
    """The claims of a token that `check` has judged already, if the holder of `jwk` signed it."""
    _signature(token, jwk)
    return VerifiedClaims(token.claims)


def verify_document(token: str, jwk: Jwk, *, typ: str, limit: int, nodes: int) -> Mapping[str, Any]:
    """The JSON object in a signed document that is no token: own `typ`, no audience, no times."""
    unverified = read(token, limit=limit, nodes=nodes)
    if unverified.header.get("typ") != typ:
        raise Unauthenticated("trust.token-type")
    _signature(unverified, jwk)
    return unverified.claims


def signed_text(token: str, jwk: Jwk, *, typ: str, limit: int) -> bytes:
    """The same document as its holder wrote it; whoever reads it in parts reads each of them strictly."""
    try:
        if len(token) > limit:
            raise ValueError(limit)
        head, body, signature = token.split(".")
        header, text, octets = loads(decode(head), limit=4096), decode(body), decode(signature)
    except (ValueError, PeerError) as cause:
        raise Unauthenticated("trust.token-form") from cause
    if not isinstance(header, dict) or header.get("alg") not in ALGORITHMS or FORBIDDEN & header.keys():
        raise Unauthenticated("trust.token-header")
    if header.get("typ") != typ:
        raise Unauthenticated("trust.token-type")
    _signature(Unverified(token, header, {}, token[: len(head) + 1 + len(body)].encode("ascii"), octets), jwk)
    return text


def canonical(claims: Mapping[str, Any]) -> bytes:
    """JSON with sorted names (RFC 8785 for what we write: strings and whole numbers)."""
    known = canonical_json.encode(claims)
    if known is not None:
        return known
    return json.dumps(claims, separators=(",", ":"), allow_nan=False, sort_keys=True, ensure_ascii=False).encode()


def sign_jwt(claims: Mapping[str, Any], signer: Signer, typ: str = "JWT") -> str:
    """A compact JWS over canonical JSON."""
    return sign_text(canonical(claims), signer, typ)


def sign_text(body: bytes, signer: Signer, typ: str) -> str:
    """A compact JWS over this text."""
    said = f"{_head(signer.alg, signer.kid, typ)}.{encode(body)}"
    return f"{said}.{encode(signer.sign(said.encode('ascii')))}"


@lru_cache(maxsize=1024)
def _head(alg: str, kid: str, typ: str) -> str:
    return encode(json.dumps({"alg": alg, "kid": kid, "typ": typ}, separators=(",", ":")).encode())


def _typ(token: Unverified) -> str | None:
    typ = token.header.get("typ")
    if typ is not None and not isinstance(typ, str):
        raise Unauthenticated("trust.token-type")
    return typ


def _inner(token: object) -> None:
    if token is not None and (not isinstance(token, str) or len(token) > LONGEST_INNER):
        raise Unauthenticated("trust.token-claims")


def _times(claims: Mapping[str, Any], now_s: float, leeway_s: int) -> None:
    issued, expires, starts = _time(claims, "iat"), _time(claims, "exp"), _time(claims, "nbf")
    late = expires is not None and expires + leeway_s <= now_s
    early = issued is not None and issued - leeway_s > now_s
    if late or early or (starts is not None and starts - leeway_s > now_s):
        raise Untimely("trust.token-time", ms=_ahead(issued, now_s))
    if issued is not None and expires is not None and not 0 <= expires - issued <= LONGEST_S + leeway_s:
        raise Unauthenticated("trust.token-time")


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    if name not in claims:
        return None
    time: object = claims[name]
    if type(time) is int or type(time) is float:
        return time
    raise Unauthenticated("trust.token-time")


def _ahead(issued: float | None, now_s: float) -> int:
    """By how much the clock that issued the token is ahead of ours (ms), if the token was made just now."""
    off = 0.0 if issued is None else issued - now_s
    return int(off * 1000) if abs(off) < LONGEST_OFF_S else 0


def _signature(token: Unverified, jwk: Jwk) -> None:
    try:
        alg, key = public_key(jwk)
    except PeerError as cause:
        raise Unauthenticated("trust.token-key") from cause
    if token.header["alg"] != alg:
        raise Unauthenticated("trust.token-key")
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and alg == "ES256":
            key.verify(_der(token.signature), token.signed, _ES256)
            return
        good = _verifier(alg).verify(token.signed, key, token.signature)
    except (jwt.PyJWTError, ValueError, InvalidSignature) as cause:
        raise Unauthenticated("trust.token-signature") from cause
    if good is not True:
        raise Unauthenticated("trust.token-signature")


def _der(signature: bytes) -> bytes:
    """Of R||S; ValueError unless both have their 32 octets."""
    if len(signature) != _ES256_OCTETS:
        raise ValueError(len(signature))
    return encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))


@lru_cache(maxsize=8)
def _verifier(alg: str) -> Any:
    """PyJWT's implementation of one algorithm, given a key object of ours and nothing else."""
    return jwt.get_algorithm_by_name(alg)
