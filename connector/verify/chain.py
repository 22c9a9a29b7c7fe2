"""The certificate chain of a seal ends at a trusted root and holds at the signing time (contracts.md 6, RFC 5280)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from connector.verify.faults import Doubt, Fault


def check(certificates: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], *, at: int) -> None:
    """Fault if no path leads to a root or a certificate does not hold at `at` (seconds); Doubt without roots."""
    if not roots:
        raise Doubt("no-roots")
    leaf, *others = certificates
    instant = datetime.fromtimestamp(at, UTC)
    if not leaf.not_valid_before_utc <= instant <= leaf.not_valid_after_utc:
        raise Fault("certificate-time", at=_day(instant), until=_day(leaf.not_valid_after_utc))
    # A seal certificate has neither host name nor TLS purpose: those rules of the default policy do not apply to it.
    verifier = (
        PolicyBuilder()
        .store(Store(list(roots)))
        .time(instant)
        .extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    try:
        verifier.verify(leaf, [one for one in others if one not in roots])
    except VerificationError as fault:
        raise Fault("chain") from fault


def _day(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d")
