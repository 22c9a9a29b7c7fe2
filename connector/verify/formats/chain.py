"""The certificate chain of a seal ends at a trusted root and holds at the signing time (spec/contracts.md 2.4)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from connector.verify.formats.certificates import ODD
from connector.verify.formats.faults import Doubt, Fault


def check(certificates: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], *, at: int) -> None:
    """Fault if no path leads to a root or a certificate does not hold at `at` (seconds); Doubt without roots."""
    if not roots:
        raise Doubt("no-roots")
    begins, ends, holds = _window(tuple(certificates), tuple(roots))
    if begins <= at <= ends:
        if not holds:
            raise Fault("chain")
        return
    leaf, *others = certificates
    instant = datetime.fromtimestamp(at, UTC)
    if not leaf.not_valid_before_utc <= instant <= leaf.not_valid_after_utc:
        raise Fault("certificate-time", at=_day(instant), until=_day(leaf.not_valid_after_utc))
    if not _path(leaf, tuple(one for one in others if one not in roots), tuple(roots), instant):
        raise Fault("chain")


def is_plain(certificates: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]) -> bool:
    """Whether the chain is one path from its first certificate to a root: none beside it that no authority issued."""
    return _is_plain(tuple(certificates), tuple(roots))


@lru_cache(maxsize=1024)
def _is_plain(certificates: tuple[x509.Certificate, ...], roots: tuple[x509.Certificate, ...]) -> bool:
    last, *others = certificates
    while others:
        above = next((one for one in others if _issued(last, one)), None)
        if above is None:
            return False
        others.remove(above)
        last = above
    return last in roots or any(_issued(last, root) for root in roots)


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (TypeError, InvalidSignature, *ODD):
        return False
    return True


@lru_cache(maxsize=1024)
def _window(brought: tuple[x509.Certificate, ...], roots: tuple[x509.Certificate, ...]) -> tuple[int, int, bool]:
    """The first and the last second at which all of them hold, and whether a path leads to a root then.

    Within that time the answer is the same at every instant, so it is kept. There may be none: then it ends before it
    begins.
    """
    certificates = (*brought, *roots)
    begins = max(one.not_valid_before_utc for one in certificates)
    ends = min(one.not_valid_after_utc for one in certificates)
    leaf, *others = brought
    holds = begins <= ends and _path(leaf, tuple(one for one in others if one not in roots), roots, begins)
    return int(begins.timestamp()), int(ends.timestamp()), holds


@lru_cache(maxsize=1024)
def _path(
    leaf: x509.Certificate, others: tuple[x509.Certificate, ...], roots: tuple[x509.Certificate, ...], at: datetime
) -> bool:
    """Whether a path leads from the leaf to a root at that instant.

    A seal certificate has neither host name nor TLS purpose: those rules of the default policy do not apply to it.
    """
    verifier = (
        PolicyBuilder()
        .store(Store(list(roots)))
        .time(at)
        .extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    try:
        verifier.verify(leaf, list(others))
    except (VerificationError, *ODD):
        return False
    return True


def _day(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d")
