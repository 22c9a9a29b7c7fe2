"""The identity provider over HTTP: its discovery, its keys, and the exchange of a code (spec/accounts.md 5.1, 5.2).

Everything goes through the guarded session. What is called, and which keys count, the discovery of the configured
issuer alone says: no header of a token and no parameter of an answer names an address (threat T03).
"""

import secrets
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, Mistake, Unavailable
from connector.foundation.http import strict
from connector.foundation.http.outbound import Answer
from connector.foundation.settings.sections import Oidc
from connector.foundation.small_files import content
from connector.identity.accounts.oidc.id_token import wrong

KEPT_MS = 3_600_000
PATIENCE_MS = 5_000
"""For so long a provider that did not answer is not asked again, however many people, or strangers, want in."""
AGAIN_MS = 60_000
"""Keys are asked for anew at most this often, whatever tokens name."""
LARGEST = 262_144
MOST_KEYS = 100
_ASSERTED_S = 60
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Http(Protocol):
    def calls(self, url: str) -> bool: ...
    async def get(self, url: str, *, headers: Mapping[str, str] | None = None, limit: int | None = None) -> Answer: ...
    async def post(
        self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None, limit: int | None = None
    ) -> Answer: ...


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """What is used of the provider's metadata (OpenID Connect Discovery 3; RFC 8414; RFC 9207)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What the code was exchanged for; read once, kept nowhere."""

    id_token: str
    access_token: str = ""


class Provider:
    """The one of the settings."""

    def __init__(self, settings: Oidc, http: Http, clock: Clock) -> None:
        self._settings, self._http, self._clock = settings, http, clock
        self._discovery: tuple[int, Discovery] | None = None
        self._failed: int | None = None
        self._keys: tuple[int, list[Mapping[str, Any]]] | None = None

    async def discovery(self) -> Discovery:
        """Kept an hour; raises Unavailable, or Unauthenticated if it is of another issuer or calls what we do not."""
        now = self._clock.steady()
        if self._discovery is not None and now - self._discovery[0] < KEPT_MS:
            return self._discovery[1]
        if self._failed is not None and now - self._failed < PATIENCE_MS:
            raise Unavailable("accounts.oidc-away")
        try:
            found = await self._discovered()
        except HanseError:
            self._failed = self._clock.steady()
            raise
        self._discovery = now, found
        return found

    async def _discovered(self) -> Discovery:
        url = f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            found = msgspec.convert(await self._json(await self._http.get(url, limit=LARGEST)), Discovery)
        except msgspec.ValidationError as cause:
            raise wrong("discovery") from cause
        if found.issuer != self._settings.issuer:
            raise wrong("issuer")
        if not all(map(self._http.calls, (found.authorization_endpoint, found.token_endpoint, found.jwks_uri))):
            raise wrong("endpoint")
        return found

    async def keys(self, *, fresh: bool = False) -> list[Mapping[str, Any]]:
        """Its JWKs; `fresh` asks again, once a minute at most."""
        now, kept = self._clock.steady(), self._keys
        if kept is not None and now - kept[0] < (AGAIN_MS if fresh else KEPT_MS):
            return kept[1]
        found = await self._json(await self._http.get((await self.discovery()).jwks_uri, limit=LARGEST))
        keys = found.get("keys") if isinstance(found, dict) else None
        if not isinstance(keys, list) or len(keys) > MOST_KEYS:
            raise wrong("jwks")
        self._keys = now, [key for key in keys if isinstance(key, dict)]
        return self._keys[1]

    async def exchange(self, code: str, verifier: str, redirect: str) -> Tokens:
        """The tokens for a code; raises Unauthenticated if the provider gives none."""
        there = await self.discovery()
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        more, proof = self._proof(there)
        body = urlencode({**fields, **more}).encode()
        answer = await self._http.post(there.token_endpoint, body, headers=headers | proof, limit=LARGEST)
        if answer.status != 200:
            raise wrong("code")
        try:
            return msgspec.convert(await self._json(answer), Tokens)
        except msgspec.ValidationError as cause:
            raise wrong("tokens") from cause

    def _proof(self, there: Discovery) -> tuple[dict[str, str], dict[str, str]]:
        """Fields and headers that prove who asks (RFC 6749 2.3.1; OpenID Connect Core 9)."""
        mine, methods = self._settings, there.token_endpoint_auth_methods_supported
        if mine.key_file is not None:
            assertion = self._assertion(there)
            return {
                "client_id": mine.client_id,
                "client_assertion_type": _JWT_BEARER,
                "client_assertion": assertion,
            }, {}
        secret = mine.client_secret.reveal()
        if "client_secret_basic" not in methods and "client_secret_post" in methods:
            return {"client_id": mine.client_id, "client_secret": secret}, {}
        pair = f"{quote(mine.client_id, safe='')}:{quote(secret, safe='')}"
        return {}, {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    def _assertion(self, there: Discovery) -> str:
        """For this issuer alone, for a minute, once."""
        now = self._clock.now() // 1000
        said = {
            "iss": self._settings.client_id,
            "sub": self._settings.client_id,
            "aud": there.issuer,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + _ASSERTED_S,
        }
        key, alg = _signing(self._settings)
        return jwt.encode(said, key, algorithm=alg)

    async def _json(self, answer: Answer) -> Any:
        if answer.status != 200:
            raise Unavailable("accounts.oidc-away")
        try:
            return strict.loads(answer.body)
        except HanseError as cause:
            raise wrong("json") from cause


def _signing(settings: Oidc) -> tuple[Any, str]:
    """The client's key and the algorithm that goes with it; raises Mistake."""
    assert settings.key_file is not None
    try:
        key = load_pem_private_key(content(settings.key_file, LARGEST), None)
    except (OSError, ValueError, TypeError) as cause:
        raise Mistake("accounts.oidc-key", path=settings.key_file) from cause
    match key:
        case rsa.RSAPrivateKey():
            return key, "PS256"
        case ec.EllipticCurvePrivateKey() if key.curve.name == "secp256r1":
            return key, "ES256"
        case ed25519.Ed25519PrivateKey():
            return key, "EdDSA"
        case _:
            raise Mistake("accounts.oidc-key", path=settings.key_file)
