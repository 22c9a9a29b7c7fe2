"""A timestamp token says that somebody trusted saw certain bytes at a certain time (RFC 3161; spec/contracts.md 4.3).

`read` takes the token apart without believing it; `check` adds what it was made over, its signature, and an authority
whose certificate is for nothing but timestamps and leads to a root given from outside. Nothing that a token brings
along makes it trusted. Whether the authority's certificate was revoked is not judged here.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from connector.verify.formats import cms, der
from connector.verify.formats.certificates import ODD
from connector.verify.formats.cms import SignedData
from connector.verify.formats.der import BadDer, Node, inside
from connector.verify.formats.faults import Doubt, Fault

_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_GRANTED = (0, 1)
_MOST_CAS = 4


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says. `time_ms` since 1970 UTC; `authority` is the signer's subject, empty if it was not found."""

    time_ms: int
    imprint: bytes
    algorithm: str
    serial: int
    authority: str
    policy: str
    nonce: int | None = None


def read(data: bytes) -> Token:
    """The token in a TimeStampToken or a granted TimeStampResp, believed in nothing; Fault `timestamp-form`."""
    signed, told = _parsed(data)
    found = _signer(signed, ())
    return _token(told, "" if found is None else _subject(found))


def check(data: bytes, imprint_of: bytes, roots: Sequence[x509.Certificate]) -> Token:
    """The token, if one of the authorities under `roots` made it over `imprint_of`.

    The signer's certificate may lie in the token or among `roots`; a certificate of `roots` that is for timestamps is
    trusted itself. Fault `timestamp-form`, `timestamp-imprint` (other bytes, or a hash other than SHA-2),
    `timestamp-signature`, `timestamp-authority`; Doubt `no-timestamp-roots` if nothing is wrong and no root is given.
    """
    signed, told = _parsed(data)
    if told.algorithm not in cms.SHA.values():
        raise Fault("timestamp-imprint")
    if not hmac.compare_digest(cms.digest(told.algorithm, imprint_of), told.imprint):
        raise Fault("timestamp-imprint")
    signer = _signer(signed, roots)
    if signer is None:
        raise Fault("timestamp-authority") if roots else Doubt("no-timestamp-roots")
    _check_signature(signed, signer)
    _check_certificate(signer, told.time_ms)
    if not roots:
        raise Doubt("no-timestamp-roots")
    _check_path(signer, signed.certificates, roots, told.time_ms)
    return _token(told, _subject(signer))


def granted(data: bytes) -> bool:
    """Whether an authority's answer says that a token comes with it; Fault `timestamp-form` for no answer at all."""
    try:
        return der.integer(der.sequence(der.sequence(der.read(data))[0])[0]) in _GRANTED
    except (ValueError, IndexError) as fault:
        raise Fault("timestamp-form") from fault


def bare(data: bytes) -> bytes:
    """The TimeStampToken in an answer, or the token itself."""
    try:
        return _bare(der.read(data)).raw
    except (ValueError, IndexError) as fault:
        raise Fault("timestamp-form") from fault


@dataclass(frozen=True, slots=True)
class _Info:
    time_ms: int
    imprint: bytes
    algorithm: str
    serial: int
    policy: str
    nonce: int | None


def _parsed(data: bytes) -> tuple[SignedData, _Info]:
    try:
        signed = cms.read(_bare(der.read(data)))
        if signed.content_type != _TST_INFO:
            raise BadDer("content")
        return signed, _info(der.read(signed.content))
    except (ValueError, IndexError) as fault:  # a sequence with too few values unpacks as ValueError
        raise Fault("timestamp-form") from fault


def _bare(node: Node) -> Node:
    """The token itself: a response has the status first, a token its kind."""
    status, *rest = der.sequence(node)
    if status.tag == der.OID:
        return node
    if der.integer(der.sequence(status)[0]) not in _GRANTED or len(rest) != 1:
        raise BadDer("status")
    return rest[0]


def _info(node: Node) -> _Info:
    version, policy, imprint, serial, time, *rest = der.sequence(node)
    method, value = der.sequence(imprint)
    if der.integer(version) != 1:
        raise BadDer("version")
    oid, _ = cms.algorithm(method)
    return _Info(
        time_ms=der.time_ms(time),
        imprint=der.octets(value),
        algorithm=cms.SHA.get(oid, oid),
        serial=der.integer(serial),
        policy=der.oid(policy),
        nonce=_nonce(rest),
    )


def _nonce(rest: list[Node]) -> int | None:
    """What follows the time, each at most once and in this order: accuracy, ordering, nonce, authority, extensions."""
    order = [der.SEQUENCE, der.BOOLEAN, der.INTEGER, inside(0), inside(1)]
    places = [order.index(one.tag) for one in rest]
    if places != sorted(set(places)):
        raise BadDer("fields")
    for one in rest:
        if one.tag == inside(1) and any(_is_critical(extension) for extension in der.items(one)):
            raise BadDer("extension")
    return next((der.integer(one) for one in rest if one.tag == der.INTEGER), None)


def _is_critical(extension: Node) -> bool:
    return any(part.tag == der.BOOLEAN and part.body != b"\x00" for part in der.sequence(extension))


def _token(told: _Info, authority: str) -> Token:
    return Token(told.time_ms, told.imprint, told.algorithm, told.serial, authority, told.policy, told.nonce)


def _signer(signed: SignedData, roots: Sequence[x509.Certificate]) -> x509.Certificate | None:
    """The certificate that the token names twice: beside the signature, and under it by its digest."""
    for certificate in (*signed.certificates, *roots):
        if cms.means(signed.claim, certificate) and cms.is_bound(signed, certificate):
            return certificate
    return None


def _check_signature(signed: SignedData, signer: x509.Certificate) -> None:
    try:
        cms.verify(signed, signer.public_key())
    except (InvalidSignature, *ODD) as fault:
        raise Fault("timestamp-signature") from fault


def _check_certificate(signer: x509.Certificate, time_ms: int) -> None:
    """For timestamps and for nothing else, marked so that nobody may overlook it (RFC 3161, 2.3); valid then; no CA."""
    try:
        extensions = signer.extensions
    except ODD as fault:
        raise Fault("timestamp-authority") from fault
    usage = next((one for one in extensions if isinstance(one.value, x509.ExtendedKeyUsage)), None)
    if usage is None or not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise Fault("timestamp-authority")
    for one in extensions:
        match one.value:
            case x509.BasicConstraints(ca=True):
                raise Fault("timestamp-authority")
            case x509.KeyUsage(digital_signature=False, content_commitment=False):
                raise Fault("timestamp-authority")
    if not signer.not_valid_before_utc <= _instant(time_ms) <= signer.not_valid_after_utc:
        raise Fault("timestamp-authority")


def _check_path(
    signer: x509.Certificate,
    brought: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    time_ms: int,
) -> None:
    if signer in roots:
        return
    others = [one for one in brought if one != signer and one not in roots]
    verifier = (
        PolicyBuilder()
        .store(Store(list(roots)))
        .time(_instant(time_ms))
        .max_chain_depth(_MOST_CAS)
        .extension_policies(ca_policy=_for_timestamps(), ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    try:
        verifier.verify(signer, others)
    except (VerificationError, *ODD) as fault:
        raise Fault("timestamp-authority") from fault


def _for_timestamps() -> ExtensionPolicy:
    """The rules for a CA of the web, but one that is limited to a purpose must be limited to this one."""
    return ExtensionPolicy.webpki_defaults_ca().may_be_present(
        x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _allows_timestamps
    )


def _allows_timestamps(_policy: Policy, _ca: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    allowed = (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    if usage is not None and not any(one in allowed for one in usage):
        raise ValueError("purpose")


def _subject(certificate: x509.Certificate) -> str:
    try:
        return certificate.subject.rfc4514_string()
    except ODD:
        return ""


def _instant(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)
