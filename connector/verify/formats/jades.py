"""The form of a seal: JAdES-B-B, compact, detached, `sigD` by URI hash (spec/contracts.md 2.1, ETSI TS 119 182-1).

`read` accepts exactly one spelling of exactly our profile; `check` adds objects, signature and whose key it is.
No key is taken from the seal on trust: the certificate must be the one that the DID document names, and end at a root.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from connector.verify.formats import algorithms, base64url, certificates, chain, jcs, key_binding
from connector.verify.formats.faults import Fault

OBJECT_BY_HASH = "http://uri.etsi.org/19182/ObjectIdByURIHash"
LONGEST = 65_536
MOST_OBJECTS = 16
MOST_CERTIFICATES = 5

MOST_HASHES = 2_048
"""Hashes of objects that are kept, each a quarter of a kilobyte."""
_HASHES: dict[bytes, str] = {}
SMALL = 8_192
"""Bytes of an object whose hash is found by them for a moment."""

_REQUIRED = frozenset({"alg", "kid", "x5t#S256", "x5c", "crit", "iat", "sigD"})
_BARE = _REQUIRED - {"x5t#S256", "x5c"}
_OPTIONAL = frozenset({"srCms", "srAts", "sigPId"})
_SIGD = frozenset({"mId", "pars", "hashM", "hashV", "ctys"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A seal of correct form; nothing is proven yet. `iat` is in seconds, as the signer claims it.

    `chain` begins with the signer's certificate; it is empty for a seal by a key that stands in no certificate.
    `further` are the members of its header that our profile takes and does not need.
    """

    kid: str
    alg: str
    iat: int
    pars: tuple[str, ...]
    hashes: tuple[str, ...]
    ctys: tuple[str, ...]
    chain: tuple[x509.Certificate, ...]
    signed: bytes
    signature: bytes
    further: frozenset[str] = frozenset()

    @property
    def did(self) -> str:
        return self.kid.partition("#")[0]


def object_hash(body: bytes) -> str:
    """`hashV` of an object: with `b64` absent the digest is over its base64url text, not over its bytes (5.2.8).

    Both sides of a contract ask for that of the same objects several times; it is kept by the digest of the bytes, and
    while one seal is looked at by the bytes.
    """
    return _of_bytes(body) if len(body) <= SMALL else _of_bytes.__wrapped__(body)


@lru_cache(maxsize=64)
def _of_bytes(body: bytes) -> str:
    name = sha256(body).digest()
    known = _HASHES.get(name)
    if known is None:
        known = base64url.encode(sha256(base64url.octets(body)).digest())
        if len(_HASHES) >= MOST_HASHES:
            _HASHES.clear()
        _HASHES[name] = known
    return known


@lru_cache(maxsize=64)  # whoever checks a seal has often just read it to learn which objects it needs
def read(jws: str) -> Seal:
    """The seal in this text; Fault `seal-form` naming what deviates from the profile."""
    head, tail = _parts(jws)
    header = _header(head, _REQUIRED)
    brought = _certificates(header["x5c"], header["x5t#S256"])
    alg, length = _key(brought[0])
    if header["alg"] != alg:
        raise Fault("seal-form", what="alg")
    return _seal(header, head, brought, alg, _signature(tail, length))


def read_bare(jws: str, alg: str, length: int) -> Seal:
    """The seal in this text by a key without certificate: `alg` and `length` of the signature are the caller's."""
    head, tail = _parts(jws)
    header = _header(head, _BARE)
    if header["alg"] != alg:
        raise Fault("seal-form", what="alg")
    return _seal(header, head, (), alg, _signature(tail, length))


def check_objects(seal: Seal, objects: Mapping[str, bytes]) -> None:
    """Every reference is present and unchanged; Fault `object-missing` or `object-changed` with its `par`."""
    for par, expected in zip(seal.pars, seal.hashes, strict=True):
        if par not in objects:
            raise Fault("object-missing", par=par)
        if object_hash(objects[par]) != expected:
            raise Fault("object-changed", par=par)


def check_signature(seal: Seal) -> None:
    """The key of the first certificate made the signature; Fault `seal-signature` otherwise."""
    if not algorithms.verifies(certificates.public_key(seal.chain[0]), seal.signature, seal.signed):
        raise Fault("seal-signature")


def check(
    jws: str,
    objects: Mapping[str, bytes],
    *,
    did: str,
    document: Mapping[str, object],
    roots: Sequence[x509.Certificate],
    listed: Collection[str] = (),
) -> Seal:
    """Everything about one seal: form, objects, signature, that it is `did`'s key, and its chain to `roots` at `iat`.

    `document` is the DID document, `listed` the SHA-256 (hex) of certificates that the trust list names for the DID.
    Raises Fault; this is the same judgement that the offline verifier makes.
    """
    seal = read(jws)
    check_objects(seal, objects)
    check_signature(seal)
    key_binding.check(seal.chain[0], seal.kid, did=did, document=document, listed=listed)
    chain.check(seal.chain, roots, at=seal.iat)
    return seal


def _parts(jws: str) -> tuple[str, str]:
    if len(jws) > LONGEST or jws.count(".") != 2:
        raise Fault("seal-form", what="compact")
    head, payload, tail = jws.split(".")
    if payload:
        raise Fault("seal-form", what="payload")
    return head, tail


def _seal(
    header: Mapping[str, object], head: str, brought: tuple[x509.Certificate, ...], alg: str, signature: bytes
) -> Seal:
    pars, hashes, ctys = _references(header["sigD"])
    return Seal(
        kid=_kid(header["kid"]),
        alg=alg,
        iat=_instant(header["iat"]),
        pars=pars,
        hashes=hashes,
        ctys=ctys,
        chain=brought,
        signed=f"{head}.".encode("ascii"),
        signature=signature,
        further=_OPTIONAL & header.keys(),
    )


def _header(head: str, required: frozenset[str]) -> dict[str, object]:
    try:
        header = jcs.loads(base64url.decode(head))
    except ValueError as fault:
        raise Fault("seal-form", what="header") from fault
    if not isinstance(header, dict):
        raise Fault("seal-form", what="header")
    for name in sorted(required - header.keys()):
        raise Fault("seal-form", what=name)
    for name in sorted(header.keys() - required - _OPTIONAL):
        raise Fault("seal-form", what=name)
    if header["crit"] != ["sigD"]:
        raise Fault("seal-form", what="crit")
    return header


def _references(value: object) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    if not isinstance(value, dict) or value.keys() != _SIGD:
        raise Fault("seal-form", what="sigD")
    if value["mId"] != OBJECT_BY_HASH or value["hashM"] != "S256":
        raise Fault("seal-form", what="sigD")
    pars, hashes, ctys = (_strings(value[name]) for name in ("pars", "hashV", "ctys"))
    if not len(pars) == len(hashes) == len(ctys) or len(set(pars)) != len(pars):
        raise Fault("seal-form", what="sigD")
    return pars, hashes, ctys


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_OBJECTS:
        raise Fault("seal-form", what="sigD")
    if not all(isinstance(item, str) for item in value):
        raise Fault("seal-form", what="sigD")
    return tuple(value)


def _certificates(value: object, thumbprint: object) -> tuple[x509.Certificate, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_CERTIFICATES:
        raise Fault("seal-form", what="x5c")
    if not all(isinstance(item, str) for item in value):
        raise Fault("seal-form", what="x5c")
    expected, ders = _ders(tuple(value))
    if thumbprint != expected:
        raise Fault("seal-form", what="x5t#S256")
    return _brought(ders)


@lru_cache(maxsize=256)  # whoever seals once mostly seals again
def _ders(value: tuple[str, ...]) -> tuple[str, tuple[bytes, ...]]:
    """The `x5t#S256` of the first, and the bytes of all."""
    try:
        ders = tuple(base64url.decode_padded(item) for item in value)
    except ValueError as fault:
        raise Fault("seal-form", what="x5c") from fault
    return base64url.encode(sha256(ders[0]).digest()), ders


@lru_cache(maxsize=256)
def _brought(ders: tuple[bytes, ...]) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(certificates.der(one) for one in ders)
    except ValueError as fault:
        raise Fault("seal-form", what="x5c") from fault


@lru_cache(maxsize=256)
def _key(certificate: x509.Certificate) -> tuple[str, int]:
    """The algorithm that its key signs with, and the length of a signature by it."""
    try:
        key = certificate.public_key()
        alg = algorithms.of_key(key)
    except (ValueError, UnsupportedAlgorithm) as fault:
        raise Fault("seal-form", what="alg") from fault
    if alg is None:
        raise Fault("seal-form", what="alg")
    return alg, algorithms.length(key)


def _kid(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("did:") or value.count("#") != 1 or value.endswith("#"):
        raise Fault("seal-form", what="kid")
    return value


def _instant(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 253_402_300_800:
        raise Fault("seal-form", what="iat")
    return value


def _signature(tail: str, length: int) -> bytes:
    try:
        signature = base64url.decode(tail)
    except ValueError as fault:
        raise Fault("seal-form", what="signature") from fault
    if len(signature) != length:
        raise Fault("seal-form", what="signature")
    return signature
