"""An identity provider of our own on loopback that can lie in every way: what it says is bent by the test."""

import json
import ssl
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from connector.foundation.http import server
from connector.identity.accounts.oidc.id_token import at_hash
from tests.testkit.listening import reserved_port

Claims = dict[str, Any]
KEY, OTHER = (rsa.generate_private_key(65537, 2048) for _ in range(2))


def jwk(key: rsa.RSAPrivateKey, kid: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    return {**made, "kid": kid, "use": "sig", "alg": "RS256"}


def signed(claims: Claims, key: Any = KEY, alg: str = "RS256", **header: Any) -> str:
    return jwt.encode(claims, key, algorithm=alg, headers={"kid": "one", **header})


class Issuer:
    """`bend` changes the claims, `token` makes the token of them, `metadata` and `answer` what is said around them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.person: Claims = {"sub": "4711", "name": "Petra Muster", "preferred_username": "petra"}
        self.keys = [jwk(KEY, "one")]
        self.bend: Callable[[Claims], None] = lambda claims: None
        self.token: Callable[[Claims], str] = signed
        self.metadata: Claims = {}
        self.answer: Claims = {}
        self.asked: list[tuple[dict[str, str], dict[str, str]]] = []
        """What came to the token endpoint: fields and headers."""
        self.fetched: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def authorize(self, url: str) -> dict[str, str]:
        """What the browser brings back from this address, without one: the person is known and says yes."""
        asked = {name: value[0] for name, value in parse_qs(urlsplit(url).query).items()}
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        given = {"code": code, "state": asked["state"], "iss": self.url} | self.answer
        return {name: value for name, value in given.items() if value is not None}

    async def discovery(self, request: web.Request) -> web.Response:
        self.fetched.append("discovery")
        said = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "authorization_response_iss_parameter_supported": True,
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
        }
        return web.json_response({**said, **self.metadata})

    async def jwks(self, request: web.Request) -> web.Response:
        self.fetched.append("jwks")
        return web.json_response({"keys": self.keys})

    async def exchange(self, request: web.Request) -> web.Response:
        fields = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append((fields, dict(request.headers)))
        asked = self._codes.pop(fields.get("code", ""), None)
        if asked is None or asked["redirect_uri"] != fields["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        digest = sha256(fields.get("code_verifier", "").encode()).digest()
        if urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            **self.person,
            "iss": self.url,
            "aud": asked["client_id"],
            "exp": now + 300,
            "iat": now,
            "nonce": asked["nonce"],
            "at_hash": at_hash("RS256", "an-access-token"),
        }
        self.bend(claims)
        said = {"access_token": "an-access-token", "token_type": "Bearer", "id_token": self.token(claims)}
        return web.json_response(said)


@asynccontextmanager
async def issuing(tls: ssl.SSLContext | None = None) -> AsyncIterator[Issuer]:
    with reserved_port() as port:
        async with _issuing(port, tls) as issuer:
            yield issuer


@asynccontextmanager
async def _issuing(port: int, tls: ssl.SSLContext | None) -> AsyncIterator[Issuer]:
    issuer = Issuer(f"http://127.0.0.1:{port}" if tls is None else f"https://localhost:{port}")
    app = web.Application()
    app.add_routes(
        [
            web.get("/.well-known/openid-configuration", issuer.discovery),
            web.get("/jwks", issuer.jwks),
            web.post("/token", issuer.exchange),
        ]
    )
    runner = await server.serve(app, host="127.0.0.1", port=port, tls=tls)
    try:
        yield issuer
    finally:
        await runner.cleanup()
