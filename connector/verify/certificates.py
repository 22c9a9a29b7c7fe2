"""Certificates from untrusted bytes: read so that whatever is odd about them is a ValueError, never a crash.

The library opens most fields only when they are asked for, and what it then raises is not always a ValueError.
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

ODD = (
    ValueError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm,
)  # fmt: skip
"""What reading a certificate, or a field of it, may raise."""


def der(data: bytes) -> x509.Certificate:
    """The certificate in these bytes, its extensions readable; ValueError otherwise."""
    try:
        return _readable(x509.load_der_x509_certificate(data))
    except ODD as fault:
        raise ValueError("certificate") from fault


def pem(data: bytes) -> tuple[x509.Certificate, ...]:
    """All certificates in a PEM text, one at least; ValueError otherwise."""
    try:
        return tuple(_readable(one) for one in x509.load_pem_x509_certificates(data))
    except ODD as fault:
        raise ValueError("certificate") from fault


def _readable(certificate: x509.Certificate) -> x509.Certificate:
    len(certificate.extensions)
    return certificate
