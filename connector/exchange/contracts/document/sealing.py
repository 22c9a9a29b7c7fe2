"""Seals an agreement: canonical bytes and the JAdES-B-B signature over them and what belongs to them.

Compact, detached, `sigD` by URI hash (spec/contracts.md 1, 2). Checking is `verify.jades`; both read one profile.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import NewType, Protocol

import msgspec

from connector.foundation import canonical_json
from connector.foundation.errors import PeerError
from connector.identity.trust.signers.port import SealKey
from connector.verify.formats import base64url, jcs
from connector.verify.formats.jades import OBJECT_BY_HASH, object_hash

CanonicalBytes = NewType("CanonicalBytes", bytes)

_AGREEMENT = "application/json"
SMALL = 8_192
"""Bytes of an object whose digest is kept for a moment."""


class Signer(Protocol):
    """A key in this process that signs without showing itself; ES256 gives raw R||S (64 bytes)."""

    @property
    def kid(self) -> str: ...
    @property
    def alg(self) -> str: ...
    def sign(self, data: bytes) -> bytes: ...


class Reference(msgspec.Struct, frozen=True):
    """One signed object: its address, its bytes, its media type (`pars`, `hashV`, `ctys` of spec/contracts.md 1.3)."""

    par: str
    body: bytes
    cty: str


def canonical(value: object) -> CanonicalBytes:
    """The bytes that are signed; PeerError `contract.not-canonical` if two parsers could read the value differently."""
    known = canonical_json.encode(value)
    try:
        return CanonicalBytes(jcs.encode(value) if known is None else known)
    except jcs.NotCanonical as fault:
        raise PeerError("contract.not-canonical", why=str(fault)) from fault


def digest(body: bytes) -> str:
    """Lower-case hex SHA-256: the name of an object, and what records commit to."""
    return _digest(body) if len(body) <= SMALL else _digest.__wrapped__(body)


@lru_cache(maxsize=64)  # one transaction asks for that of the same few objects up to four times
def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()


def address(root: str, body: bytes) -> str:
    """Where a signed object can be fetched: below the provider's root, an approval below the signer's own."""
    return f"{root}/evidence/objects/{digest(body)}"


def references(
    agreement: bytes,
    agreement_iri: str,
    *,
    provider_root: str,
    signer_root: str,
    text: bytes,
    profile: bytes,
    dataset: bytes,
    approval: bytes,
    provider_jws: str | None = None,
) -> list[Reference]:
    """The objects of a seal in the order of spec/contracts.md 1.3; `provider_jws` only if the consumer countersigns."""
    return [
        Reference(agreement_iri, agreement, _AGREEMENT),
        Reference(address(provider_root, text), text, "text/html"),
        Reference(address(provider_root, profile), profile, "application/json"),
        Reference(address(provider_root, dataset), dataset, "application/ld+json"),
        *_signers(provider_root, signer_root, approval, provider_jws),
    ]


def countersigned(
    sealed: Sequence[Reference], *, provider_root: str, signer_root: str, approval: bytes, provider_jws: str
) -> list[Reference]:
    """The same of the consumer's seal, given what the provider's covers: both have all but the approval in common."""
    return [*sealed[:-1], *_signers(provider_root, signer_root, approval, provider_jws)]


def _signers(provider_root: str, signer_root: str, approval: bytes, provider_jws: str | None) -> list[Reference]:
    """What each side's seal covers alone."""
    own = Reference(address(signer_root, approval), approval, "application/json")
    if provider_jws is None:
        return [own]
    seal = provider_jws.encode("ascii")
    return [own, Reference(address(provider_root, seal), seal, "application/jose")]


def sign(references: Sequence[Reference], signer: Signer, chain_der: Sequence[bytes], iat: int) -> str:
    """The compact JWS with an empty payload. `chain_der` begins with the signer's certificate; `iat` in seconds."""
    head = _head(references, signer.alg, signer.kid, chain_der, iat)
    return f"{head}..{base64url.encode(signer.sign(_signed(head)))}"


async def seal(references: Sequence[Reference], key: SealKey, chain_der: Sequence[bytes], iat: int) -> str:
    """The same by a key that may lie elsewhere: never inside a transaction. Raises Unavailable."""
    head = _head(references, key.alg, key.kid, chain_der, iat)
    return f"{head}..{base64url.encode(await key.seal(_signed(head)))}"


def sign_pq(references: Sequence[Reference], key: Signer, iat: int) -> str:
    """A second seal over the same references that withstands quantum computers (spec/contracts.md 2.5): ML-DSA-44.

    Same header but for the certificate: the trust list names the key for the DID (`sealKeyPq`).
    """
    head = base64url.encode(msgspec.json.encode({"alg": key.alg, "kid": key.kid, **_rest(references, iat)}))
    return f"{head}..{base64url.encode(key.sign(_signed(head)))}"


def _head(references: Sequence[Reference], alg: str, kid: str, chain_der: Sequence[bytes], iat: int) -> str:
    thumbprint, certificates = _certified(tuple(chain_der))
    header = {"alg": alg, "kid": kid, "x5t#S256": thumbprint, "x5c": certificates, **_rest(references, iat)}
    return base64url.encode(msgspec.json.encode(header))


@lru_cache(maxsize=256)  # whoever seals once mostly seals again
def _certified(chain_der: tuple[bytes, ...]) -> tuple[str, tuple[str, ...]]:
    """`x5t#S256` and `x5c` of a chain."""
    certificates = tuple(base64url.encode_padded(der) for der in chain_der)
    return base64url.encode(sha256(chain_der[0]).digest()), certificates


def _rest(references: Sequence[Reference], iat: int) -> dict[str, object]:
    return {
        "crit": ["sigD"],
        "iat": iat,
        "sigD": {
            "mId": OBJECT_BY_HASH,
            "pars": [one.par for one in references],
            "hashM": "S256",
            "hashV": [object_hash(one.body) for one in references],
            "ctys": [one.cty for one in references],
        },
    }


def _signed(head: str) -> bytes:
    return f"{head}.".encode("ascii")


def evidence_digest(agreement: bytes, provider_jws: str, consumer_jws: str | None) -> str:
    """What FINALIZED names behind `#sha256=`: one digest over the agreement and both seals (spec/contracts.md 3.1)."""
    return digest(
        canonical(
            {
                "agreement": digest(agreement),
                "providerJws": digest(provider_jws.encode("ascii")),
                "consumerJws": None if consumer_jws is None else digest(consumer_jws.encode("ascii")),
            }
        )
    )
