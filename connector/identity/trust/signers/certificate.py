"""The certificate chain of a seal key as an operator brings it: read, bounded, fit for seals (spec/contracts.md 2.4).

Whether others will believe it is said by the roots and the trust list; here only what could never become a good seal
is refused: another order, a foreign issuer, a weak key, a certificate that is not for signing or not valid now.
"""

from datetime import datetime
from itertools import pairwise
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from connector.foundation.clock import instant
from connector.foundation.errors import Mistake
from connector.identity.trust.signers.port import Alg, Public, scheme_of

LONGEST: Final = 32_768
MOST: Final = 5
"""As many certificates as a seal may carry (`verify.jades`)."""


class SealCertificate(NamedTuple):
    """A chain in one spelling, leaf first; `until` is when the leaf ends."""

    pem: str
    public: Public
    alg: Alg
    until: datetime


def read(text: str, now: int) -> SealCertificate:
    """The chain in this PEM text; Mistake `signers.certificate` says what is wrong with it. `now` in milliseconds."""
    if len(text) > LONGEST:
        raise Mistake("signers.certificate", why="size")
    try:
        chain = x509.load_pem_x509_certificates(text.encode("ascii"))
        public = chain[0].public_key()
        scheme = scheme_of(public)
    except (ValueError, UnsupportedAlgorithm) as cause:
        raise Mistake("signers.certificate", why="PEM") from cause
    if len(chain) > MOST:
        raise Mistake("signers.certificate", why="length")
    leaf, moment = chain[0], instant(now)
    if not leaf.not_valid_before_utc <= moment < leaf.not_valid_after_utc:
        raise Mistake("signers.certificate", why="validity")
    if not _signs(leaf):
        raise Mistake("signers.certificate", why="keyUsage")
    for certificate, issuer in pairwise(chain):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature) as cause:
            raise Mistake("signers.certificate", why="issuer") from cause
    pem = "".join(one.public_bytes(Encoding.PEM).decode("ascii") for one in chain)
    assert not isinstance(public, bytes)
    return SealCertificate(pem, public, scheme.alg, leaf.not_valid_after_utc)  # type: ignore[arg-type]


def _signs(leaf: x509.Certificate) -> bool:
    """An end entity whose key may sign or commit to content; without that extension nothing forbids it."""
    try:
        if leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
    except x509.ExtensionNotFound:
        pass
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return usage.digital_signature or usage.content_commitment
