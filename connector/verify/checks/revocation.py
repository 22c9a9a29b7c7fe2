"""Whether a seal's key was withdrawn before it sealed: key events of the log, OCSP (spec/contracts.md 5.3, 5.4).

Judged at the trusted time. A stolen key can claim any time of its own, so without a trusted time a withdrawn key proves
nothing. What the authority of the certificate says counts as of its answer; where a certificate names somebody to ask,
the answer must be here at every level. `told` says of each seal what was withdrawn and when, whatever the verdict.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1, sha256, sha384, sha512
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from connector.verify.checks import contract
from connector.verify.checks.anchors import Anchors
from connector.verify.checks.archive import ROTATED
from connector.verify.checks.contract import Members, Role, Sealed
from connector.verify.checks.examination import attempt
from connector.verify.checks.records import KEY, Erased, Line, Logged
from connector.verify.checks.trusted_time import written
from connector.verify.formats import algorithms, base64url, certificates, jcs
from connector.verify.formats.certificates import ODD
from connector.verify.formats.faults import Doubt, Fault
from connector.verify.formats.jades import Seal
from connector.verify.formats.trustlist import seconds

LARGEST = 65_536
EVENT = "key-revoked"
_HASHES = {"sha1": sha1, "sha256": sha256, "sha384": sha384, "sha512": sha512}


def check_key(seal: Seal, lines: Sequence[Line], at: int | None) -> None:
    """No key event withdraws the seal's key before `at` (seconds; None: only the signer's own time is known).

    Fault `key-revoked`, Doubt `key-revoked-later` if only the signer says that it was earlier, Doubt
    `key-events-erased` where a key event is no longer there.
    """
    since = withdrawn(seal, lines)
    if since is not None and since <= (seal.iat if at is None else at):
        raise Fault("key-revoked", kid=seal.kid, since=written(since))
    if since is not None and at is None:
        raise Doubt("key-revoked-later", kid=seal.kid, since=written(since))
    check_events(lines)


def check_events(lines: Sequence[Line]) -> None:
    """Doubt `key-events-erased` where a key event is no longer there."""
    if any(isinstance(line, Erased) and line.type == KEY for line in lines):
        raise Doubt("key-events-erased")


def _revoked(names: Collection[str], lines: Sequence[Line]) -> int | None:
    """Since when (seconds), by any of these names, which are the same under another DID of the owner; an event whose
    time cannot be read counts from the beginning."""
    events = [line.body for line in lines if isinstance(line, Logged) and line.type == KEY]
    said = [body for body in events if body.get("event") == EVENT]
    found = [body.get("from") for body in said if str(body.get("kid")).partition("#")[2] in names]
    return min((_since(moment) for moment in found), default=None)


def _since(moment: object) -> int:
    try:
        return seconds(moment) or 0
    except Fault:
        return 0


@dataclass(frozen=True, slots=True)
class Withdrawals:
    """What is known of the certificate: what its authority `says`, when it said so, since when it is withdrawn.

    `unnamed`: the certificate names nobody who could be asked; `unanswered`: it does, but no valid answer is here.
    """

    says: Literal["withdrawn", "kept", "unanswered", "unnamed"]
    at: int | None = None
    since: int | None = None

    @property
    def value(self) -> Mapping[str, object]:
        """For machines; times in RFC 3339."""
        at, since = (None if one is None else written(one) for one in (self.at, self.since))
        return {"certificate": self.says, "certificateAsOf": at, "certificateWithdrawn": since}


def withdrawn(seal: Seal, lines: Sequence[Line]) -> int | None:
    """Since when its key is withdrawn by these key events (seconds); None if it is not."""
    return _revoked(_names(seal), lines)


def lost(
    seal: Seal, role: Role, members: Members, anchors: Anchors, lines: Sequence[Line], beside: Members | None = None
) -> int | None:
    """Since when its key or its certificate is withdrawn (seconds), by these key events or by the answer in a bundle on
    that party's certificate, whichever is earlier; None if neither says so. The answer `beside`, in another bundle,
    counts as much: it is the word of the certificate's authority, whoever brings it.

    The key counts, whatever the seal calls it: in the bundle of another the party's document is that one's word.
    """
    answers = [_answered(seal, role, one, anchors).since for one in (members, beside or {})]
    names = _names(seal)
    for name in (f"did-{role}.json", ROTATED) if lines else ():  # those that key events name
        names |= set(_called(members.get(name, b""), _key(seal)))
    return min((one for one in (_revoked(names, lines), *answers) if one is not None), default=None)


def _answered(seal: Seal, role: Role, members: Members, anchors: Anchors) -> Withdrawals:
    others = attempt(contract.intermediates, role, members) or ()
    return told(seal, members.get(f"{role}.ocsp"), (*seal.chain[1:], *others, *anchors.roots))


def _names(seal: Seal) -> set[str]:
    """What key events may call its key: as the seal does, and by its thumbprint, as we do."""
    key, name = _key(seal), seal.kid.partition("#")[2]
    return {name} if key is None else {name, base64url.encode(sha256(jcs.encode(key)).digest())}


def _key(seal: Seal) -> dict[str, object] | None:
    return algorithms.spelt(certificates.public_key(seal.chain[0])) if seal.chain else None


def _called(document: bytes, key: Mapping[str, object] | None) -> Iterator[str]:
    """As the document names it."""
    try:
        said = jcs.loads(document)
    except jcs.NotCanonical:
        return
    methods = said.get("verificationMethod") if isinstance(said, dict) else None
    for one in methods if isinstance(methods, list) else ():
        match one:
            case {"id": str(kid), "publicKeyJwk": dict(jwk)} if algorithms.spells(jwk, key):
                yield kid.partition("#")[2]


def told(seal: Seal, answer: bytes | None, issuers: Sequence[x509.Certificate]) -> Withdrawals:
    """What the authority of the certificate says; never an error: the check says what is wrong with an answer."""
    try:
        single = None if answer is None else _single(seal, answer, issuers)
    except (Fault, *ODD):
        single = None
    if single is None or single.certificate_status is ocsp.OCSPCertStatus.UNKNOWN:
        return Withdrawals("unanswered" if single is not None or _names_responder(seal.chain[0]) else "unnamed")
    at, since = int(single.this_update_utc.timestamp()), single.revocation_time_utc
    if single.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        return Withdrawals("withdrawn", at, 0 if since is None else int(since.timestamp()))
    return Withdrawals("kept", at)


def check_certificate(
    sealed: Sealed, answer: bytes | None, issuers: Sequence[x509.Certificate], seen: int | None
) -> None:
    """The certificate's authority does not say that it was withdrawn before others saw the seal (seconds; None: only
    the signer's own time is known).

    `issuers` are the certificates known besides, untrusted: the chain was checked before. Without an answer it is
    Doubt `no-revocation` at L2 and L3, and at L1 where the certificate names somebody who gives one. Fault
    `certificate-revoked` where it was withdrawn when its owner says that it sealed, Doubt `certificate-revoked-later`
    where it was so only when others saw that: else whoever had it withdrawn just then would fail the partner's bundle
    (decision 0211). Fault `ocsp-form`.
    """
    seal = sealed.seal
    if answer is None:
        if sealed.level != "L1" or _names_responder(seal.chain[0]):
            raise Doubt("no-revocation", did=seal.did)
        return
    try:
        single = _single(seal, answer, issuers)
    except ODD as fault:  # the library opens a field of an answer only when it is asked for it
        raise Fault("ocsp-form") from fault
    since = single.revocation_time_utc
    if single.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        _check_since(seal, None if since is None else int(since.timestamp()), seen)
    at = seal.iat if seen is None else seen
    if single.certificate_status is ocsp.OCSPCertStatus.UNKNOWN or single.this_update_utc.timestamp() < at:
        raise Doubt("no-revocation", did=seal.did)


def _check_since(seal: Seal, since: int | None, seen: int | None) -> None:
    said = "" if since is None else written(since)
    if since is None or since <= min(seal.iat, seal.iat if seen is None else seen):
        raise Fault("certificate-revoked", did=seal.did, since=said)
    if seen is None or since <= seen:
        raise Doubt("certificate-revoked-later", did=seal.did, since=said)


def _single(seal: Seal, answer: bytes, issuers: Sequence[x509.Certificate]) -> ocsp.OCSPSingleResponse:
    """What a signed answer says of the seal's certificate."""
    certificate = seal.chain[0]
    response = _read(answer)
    issuer = _issuer(certificate, issuers)
    single = _about(response, certificate, issuer)
    _check_signed(response, issuer)
    return single


def _names_responder(certificate: x509.Certificate) -> bool:
    """Whether the certificate has an address for OCSP; one whose fields cannot be read might."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
        return any(one.access_method == AuthorityInformationAccessOID.OCSP for one in access)
    except x509.ExtensionNotFound:
        return False
    except ODD:
        return True


def _read(answer: bytes) -> ocsp.OCSPResponse:
    if len(answer) > LARGEST:
        raise Fault("ocsp-form")
    try:
        response = ocsp.load_der_ocsp_response(answer)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise Fault("ocsp-form")
    except ValueError as fault:
        raise Fault("ocsp-form") from fault
    return response


def _issuer(certificate: x509.Certificate, issuers: Sequence[x509.Certificate]) -> x509.Certificate:
    for issuer in issuers:
        try:
            certificate.verify_directly_issued_by(issuer)
        except (TypeError, InvalidSignature, *ODD):
            continue
        return issuer
    raise Fault("ocsp-form")


def _about(
    response: ocsp.OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate
) -> ocsp.OCSPSingleResponse:
    for single in response.responses:
        digest = _HASHES.get(single.hash_algorithm.name)
        if digest is None or single.serial_number != certificate.serial_number:
            continue
        name = digest(issuer.subject.public_bytes(), usedforsecurity=False).digest()
        if name == single.issuer_name_hash and digest(_key_bits(issuer)).digest() == single.issuer_key_hash:
            return single
    raise Fault("ocsp-form")


def _key_bits(issuer: x509.Certificate) -> bytes:
    """The content of the BIT STRING that holds the key, over which OCSP takes its hash (RFC 6960 4.1.1)."""
    key = issuer.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    raise Fault("ocsp-form")


def _check_signed(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> None:
    """By the issuer itself, or by somebody whom the issuer certified for OCSP and who was valid when it answered."""
    signer = issuer
    for other in response.certificates:
        if other != issuer and _delegated(other, issuer, response):
            signer = other
    key, algorithm = signer.public_key(), response.signature_hash_algorithm
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm is not None:
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm is not None:
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(algorithm))
        else:
            raise Fault("ocsp-signature")
    except InvalidSignature as fault:
        raise Fault("ocsp-signature") from fault


def _delegated(other: x509.Certificate, issuer: x509.Certificate, response: ocsp.OCSPResponse) -> bool:
    try:
        other.verify_directly_issued_by(issuer)
        usage = other.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (TypeError, InvalidSignature, x509.ExtensionNotFound, *ODD):
        return False
    inside = other.not_valid_before_utc <= response.produced_at_utc <= other.not_valid_after_utc
    return inside and ExtendedKeyUsageOID.OCSP_SIGNING in usage
