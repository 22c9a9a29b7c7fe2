"""Certificates from untrusted bytes: read so that whatever is odd about them is a ValueError, never a crash.

The library opens most fields only when they are asked for, and what it then raises is not always a ValueError. A key so
large that verification with it is expensive is odd as well: building a path tries many.
"""

from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import PublicKeyAlgorithmOID

MOST_RSA_BITS, MOST_EXPONENT = 8192, 2**32

ODD = (
    ValueError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
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


@lru_cache(maxsize=256)
def public_key(certificate: x509.Certificate) -> CertificatePublicKeyTypes:
    """Its key, read once; raises one of `ODD`."""
    return certificate.public_key()


def is_dear(certificate: x509.Certificate) -> bool:
    """Whether a signature by its key is dear to check: very large RSA, or DSA. A key that nobody knows checks none."""
    if certificate.public_key_algorithm_oid == PublicKeyAlgorithmOID.DSA:
        return True
    try:
        key = certificate.public_key()
    except ODD:
        return False
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    return key.key_size > MOST_RSA_BITS or key.public_numbers().e >= MOST_EXPONENT


def _readable(certificate: x509.Certificate) -> x509.Certificate:
    len(certificate.extensions)
    if is_dear(certificate):
        raise ValueError("key")
    return certificate
