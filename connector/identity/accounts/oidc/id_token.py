"""What makes an ID token one for this sign-in: every check of OpenID Connect Core 3.1.3.7, and nothing on its own word.

Pure: token, keys, what is expected and the time go in, claims come out. What is wrong is named in the error for the log
and for tests; the person is told one sentence (spec/accounts.md 5.2, threat T88).
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256, sha384, sha512
from typing import Any

import jwt
from msgspec import Struct

from connector.foundation.errors import HanseError, Unauthenticated
from connector.foundation.http import strict

LONGEST = 16_384
SKEW_S = 60
OLDEST_S = 600
_SUBJECT = 255
_HASHES = {"256": sha256, "384": sha384, "512": sha512}
_TYPES: Mapping[str, str] = {
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "PS384": "RSA",
    "PS512": "RSA",
    "ES256": "EC",
    "ES384": "EC",
    "ES512": "EC",
    "EdDSA": "OKP",
}
"""Algorithms that are taken, by the type of key each needs: no shared secrets, no `none` (threat T06)."""
_LEAST_RSA = 2048


class ExpectedToken(Struct, frozen=True, kw_only=True):
    """`nonce` of this sign-in, `access_token` that came with the token (empty: none)."""

    issuer: str
    client: str
    nonce: str
    access_token: str = ""


def claims(token: str, keys: Sequence[Mapping[str, Any]], expected: ExpectedToken, now: int) -> Mapping[str, Any]:
    """The claims; raises Unauthenticated `accounts.oidc` with what is wrong. `keys` are JWKs, `now` in seconds."""
    if len(token) > LONGEST or not token.isascii():
        raise wrong("size")
    header = _header(token)
    found = _payload(token, header, keys)
    _who(found, expected)
    _when(found, now)
    _bound(found, header["alg"], expected)
    return found


def knows(token: str, keys: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a key of this name is among them: if not, the provider may have new ones."""
    try:
        named = _header(token).get("kid")
    except Unauthenticated:
        return True
    return named is None or any(key.get("kid") == named for key in keys)


def wrong(why: str) -> Unauthenticated:
    """What is wrong with an answer of the identity provider."""
    return Unauthenticated("accounts.oidc", why=why)


def _header(token: str) -> Mapping[str, Any]:
    try:
        header: Mapping[str, Any] = jwt.get_unverified_header(token)
    except jwt.PyJWTError as cause:
        raise wrong("form") from cause
    if header.get("alg") not in _TYPES:
        raise wrong("alg")
    if "crit" in header or header.get("b64") is False:
        raise wrong("crit")
    return header


def _payload(token: str, header: Mapping[str, Any], keys: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    alg, named = header["alg"], header.get("kid")
    fitting = [
        key
        for key in keys
        if key.get("kty") == _TYPES[alg]
        and key.get("use", "sig") == "sig"
        and key.get("alg", alg) == alg
        and (named is None or key.get("kid") == named)
    ]
    if named is None and len(fitting) != 1:
        raise wrong("key")
    for key in fitting:
        payload = _verified(token, alg, key)
        if payload is not None:
            return _object(payload)
    raise wrong("signature" if fitting else "key")


def _verified(token: str, alg: str, key: Mapping[str, Any]) -> bytes | None:
    try:
        ready = jwt.PyJWK(dict(key), algorithm=alg).key
        if _TYPES[alg] == "RSA" and ready.key_size < _LEAST_RSA:
            return None
        whole = jwt.PyJWS().decode_complete(token, ready, algorithms=[alg])
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    payload: bytes = whole["payload"]
    return payload


def _object(payload: bytes) -> Mapping[str, Any]:
    try:
        found = strict.loads(payload)
    except HanseError as cause:
        raise wrong("form") from cause
    if not isinstance(found, dict):
        raise wrong("form")
    return found


def _who(found: Mapping[str, Any], expected: ExpectedToken) -> None:
    if found.get("iss") != expected.issuer:
        raise wrong("iss")
    subject = found.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT or not subject.isprintable():
        raise wrong("sub")
    given = found.get("aud")
    audiences = [given] if isinstance(given, str) else given
    if not isinstance(audiences, list) or expected.client not in audiences:
        raise wrong("aud")
    party = found.get("azp")
    if (party is None and len(audiences) > 1) or party not in (None, expected.client):
        raise wrong("azp")


def _when(found: Mapping[str, Any], now: int) -> None:
    if _second(found.get("exp"), "exp") <= now - SKEW_S:
        raise wrong("exp")
    if not now - OLDEST_S <= _second(found.get("iat"), "iat") <= now + SKEW_S:
        raise wrong("iat")
    if _second(found.get("nbf", now), "nbf") > now + SKEW_S:
        raise wrong("nbf")


def _second(value: Any, name: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise wrong(name)
    return value


def _bound(found: Mapping[str, Any], alg: str, expected: ExpectedToken) -> None:
    nonce, half = found.get("nonce"), found.get("at_hash")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise wrong("nonce")
    if half is not None and half != at_hash(alg, expected.access_token):
        raise wrong("at_hash")


def at_hash(alg: str, access_token: str) -> str:
    """The left half of the hash that goes with the algorithm (OpenID Connect Core 3.1.3.6)."""
    whole = _HASHES.get(alg[-3:], sha512)(access_token.encode()).digest()
    return urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()
