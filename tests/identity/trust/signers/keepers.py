"""Keys, certificates and a loopback server with which the tests of seal keys elsewhere are made."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from connector.foundation.clock import SystemClock, instant
from connector.foundation.http.outbound import SafeClient
from connector.identity.trust.keys.jwk import encode
from connector.identity.trust.signers.port import Keeper, KeptKey, Place
from tests.testkit.patience import PATIENCE_S

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
ALGS = ("ES256", "ES384", "PS256")


def made(alg: str) -> Private:
    """A fresh private key for the algorithm."""
    match alg:
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
        case _:
            return rsa.generate_private_key(65537, 3072)


KEYS: dict[str, Private] = {alg: made(alg) for alg in ALGS}
"""One key per algorithm for all tests: an RSA key takes a while."""


def digest_signature(private: Private, digest: bytes) -> bytes:
    """What a keeper does: DER for ECDSA, PSS with a salt of 32 bytes for RSA."""
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(digest, padding.PSS(padding.MGF1(SHA256()), 32), Prehashed(SHA256()))
    return private.sign(digest, ec.ECDSA(Prehashed(SHA256() if len(digest) == 32 else SHA384())))


class Issued(NamedTuple):
    """A CA certificate and how to make more below it."""

    ca: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def chain(
        self,
        private: Private,
        *,
        days: tuple[int, int] = (-1, 30),
        sign: bool = True,
        ca: bool = False,
        did: str | None = None,
    ) -> str:
        """PEM: a certificate for this key, valid between these days from now, then the CA."""
        now = instant(SystemClock().now())
        builder = (
            x509.CertificateBuilder()
            .subject_name(name("Stadt Musterstadt"))
            .issuer_name(self.ca.subject)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(usage(sign), critical=True)
        )
        if did is not None:
            names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(did)])
            builder = builder.add_extension(names, critical=False)
        leaf = builder.sign(self.key, SHA256())
        return pem(leaf) + pem(self.ca)


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def usage(sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=sign,
        key_encipherment=not sign,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def authority() -> Issued:
    """A CA of its own."""
    now, key = instant(SystemClock().now()), ec.generate_private_key(ec.SECP256R1())
    ca = (
        x509.CertificateBuilder()
        .subject_name(name("Vertrauensdienst"))
        .issuer_name(name("Vertrauensdienst"))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    return Issued(ca, key)


def kept(alg: str, place: Place, keeper: Keeper, answer_s: float = PATIENCE_S) -> KeptKey:
    return KeptKey(f"did:web:a.example#{alg}", KEYS[alg].public_key(), place, keeper, answer_s)


Answer = Callable[[str, dict[str, Any]], Awaitable[web.StreamResponse]]


class Asked(NamedTuple):
    """A request as the stand-in saw it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[str, SafeClient, list[Asked]]]:
    """A service on loopback: (its URL, a client that may call it, what it was asked)."""
    asked: list[Asked] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        asked.append(Asked(request.path, dict(request.headers), body))
        return await answer(request.path, body)

    application = web.Application()
    application.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    client = SafeClient(allow=("127.0.0.0/8",), insecure=True, total_s=PATIENCE_S)
    try:
        yield f"http://127.0.0.1:{port}", client, asked
    finally:
        await client.close()
        await runner.cleanup()


async def late(_: str, __: dict[str, Any]) -> web.StreamResponse:
    """Never answers: it ends when the caller hangs up."""
    await asyncio.Event().wait()
    return web.json_response({})


Bend = Callable[[str, dict[str, Any]], dict[str, Any]]


def service(alg: str, bend: Bend = lambda path, answer: answer) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Answers as the specification says, but for what `bend` does to it."""

    async def answer(path: str, body: dict[str, Any]) -> web.StreamResponse:
        if path.endswith("credentials/authorize"):
            return web.json_response(bend(path, {"SAD": "sad-1", "expiresIn": 300}))
        digest = base64.b64decode(body["hashes"][0])
        signature = base64.b64encode(digest_signature(KEYS[alg], digest)).decode()
        return web.json_response(bend(path, {"signatures": [signature]}))

    return answer


def signature(alg: str, digest: bytes) -> str:
    """As Vault writes it: R||S in base64url for `jws`, base64 for RSA."""
    der = digest_signature(KEYS[alg], digest)
    if alg == "PS256":
        return base64.b64encode(der).decode()
    return encode(
        b"".join(number.to_bytes(32 if alg == "ES256" else 48, "big") for number in decode_dss_signature(der))
    )


def transit(alg: str, version: int = 1) -> Callable[[str, dict[str, Any]], Awaitable[web.StreamResponse]]:
    async def answer(path: str, body: dict[str, Any]) -> web.StreamResponse:
        signed = signature(alg, base64.b64decode(body["input"]))
        return web.json_response({"data": {"signature": f"vault:v{version}:{signed}", "key_version": version}})

    return answer
