"""Whose key it is: the certificate's key is the one the DID document names, and the certificate carries the DID.

At seal level L1 the DID stands in the certificate as SAN URI; at L2/L3 the signed trust list names the certificate's
SHA-256 for the DID (spec/contracts.md 2.4), and only then
algorithms other than ES256 count. So a member cannot seal in another's name with its own valid certificate.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from connector.verify.formats import algorithms, certificates
from connector.verify.formats.certificates import ODD
from connector.verify.formats.faults import Fault

LONGEST_KEPT = 512
"""Characters of a DID whose root is kept: a peer writes DIDs."""
_QC_STATEMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3")
_QUALIFIED, _DEVICE = bytes.fromhex("060604008e460101"), bytes.fromhex("060604008e460104")
"""Statements of ETSI EN 319 412-5 in a certificate: it is qualified; its key lives in a qualified device."""


def root_of(did: str) -> str:
    """The participant's root address: `did:web:localhost%3A18443:x` is `https://localhost:18443/x`."""
    return _root_of(did) if len(did) <= LONGEST_KEPT else _root_of.__wrapped__(did)


@lru_cache(maxsize=1024)
def _root_of(did: str) -> str:
    host, *path = did.removeprefix("did:web:").split(":")
    if not did.startswith("did:web:") or not host:
        raise Fault("did-form", did=did)
    return "/".join([f"https://{unquote(host)}", *path])


class _About(NamedTuple):
    """What is asked of a certificate each time: its key as a JWK spells it, and what it says of itself."""

    spelt: Mapping[str, object] | None
    alg: str | None
    fingerprint: str
    uris: tuple[str, ...]
    may_sign: bool


@lru_cache(maxsize=256)  # whoever seals once mostly seals again
def _about(certificate: x509.Certificate) -> _About:
    """Raises one of `ODD` for a key that cannot be read."""
    key = certificates.public_key(certificate)
    return _About(
        algorithms.spelt(key),
        algorithms.of_key(key),
        fingerprint(certificate),
        _uris(certificate),
        _may_sign(certificate),
    )


@lru_cache(maxsize=256)
def fingerprint(certificate: x509.Certificate) -> str:
    """Lower-case hex SHA-256 of the certificate."""
    return sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def check(
    certificate: x509.Certificate,
    kid: str,
    *,
    did: str,
    document: Mapping[str, object],
    listed: Collection[str] = (),
) -> str:
    """The seal level, `L1`, `L2` or `L3`; Fault if `kid` or the certificate does not belong to `did`.

    A listed certificate counts as L2, and as L3 if it says of itself that it is a qualified one with its key in a
    qualified device: the authority has looked at it before it listed it.
    """
    if kid.partition("#")[0] != did:
        raise Fault("seal-foreign", did=did, kid=kid)
    jwk = seal_key(document, kid, did)
    about = _about(certificate)
    if not algorithms.spells(jwk, about.spelt):
        raise Fault("seal-key", did=did)
    if not about.may_sign:  # a seal needs a signing certificate; the chain policy leaves this to us (2.4)
        raise Fault("seal-usage", did=did)
    if about.fingerprint in listed:
        return "L3" if qualified(certificate) else "L2"
    if did not in about.uris:
        raise Fault("seal-certificate", did=did)
    if about.alg != "ES256":
        raise Fault("seal-algorithm", alg=about.alg)
    return "L1"


def seal_key(document: Mapping[str, object], kid: str, did: str) -> Mapping[str, object]:
    """The JWK of the verification method `kid`, which must stand under `assertionMethod` of that DID's document.

    A key that another controls acts for the DID with tokens at most: it seals nothing (spec/mandates.md 3; T108).
    """
    if document.get("id") != did:
        raise Fault("document-foreign", did=did)
    named = document.get("assertionMethod")
    methods = document.get("verificationMethod")
    if not isinstance(named, list) or kid not in named or not isinstance(methods, list):
        raise Fault("key-unknown", did=did)
    for method in methods:
        if isinstance(method, dict) and method.get("id") == kid and isinstance(method.get("publicKeyJwk"), dict):
            if method.get("controller", did) != did:
                break
            jwk: Mapping[str, object] = method["publicKeyJwk"]
            return jwk
    raise Fault("key-unknown", did=did)


@lru_cache(maxsize=256)
def qualified(certificate: x509.Certificate) -> bool:
    """Whether it says of itself that it is a qualified one with its key in a qualified device."""
    try:
        found = certificate.extensions.get_extension_for_oid(_QC_STATEMENTS).value
    except (x509.ExtensionNotFound, *ODD):
        return False
    text = found.value if isinstance(found, x509.UnrecognizedExtension) else b""
    return _QUALIFIED in text and _DEVICE in text


def _uris(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, *ODD):
        return ()
    return tuple(names.get_values_for_type(x509.UniformResourceIdentifier))


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    except ODD:  # what it is for cannot be read, so it is for nothing
        return False
    return usage.digital_signature or usage.content_commitment
