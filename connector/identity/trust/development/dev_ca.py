"""Certificates for development: a TLS root that is good for this machine only, and a seal CA (spec/trust.md 6.1).

Everything is made in the data directory at first use; nothing of it lies in the repository. The TLS root is constrained
to localhost and 127.0.0.0/8, so that a leaked key cannot vouch for a real name. Production brings its own certificates.
"""

from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from connector.foundation.clock import Clock, instant
from connector.foundation.errors import Mistake
from connector.foundation.small_files import replaced

CA_DAYS: Final = 3650
SERVER_DAYS: Final = 90
SERVER_RENEW_DAYS: Final = 30
SEAL_DAYS: Final = 730
_SKEW: Final = timedelta(minutes=5)
_LONGEST_NAME: Final = 64

Key = ec.EllipticCurvePrivateKey


class DevelopmentCerts(Struct, frozen=True):
    """Where the development certificates of a data directory lie."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "dev-ca.pem"

    @property
    def ca_key(self) -> Path:
        return self.folder / "dev-ca.key"

    @property
    def server(self) -> Path:
        return self.folder / "server.pem"

    @property
    def server_key(self) -> Path:
        return self.folder / "server.key"

    @property
    def seal_ca(self) -> Path:
        return self.folder / "seal-ca.pem"

    @property
    def seal_ca_key(self) -> Path:
        return self.folder / "seal-ca.key"


class Ca(Struct, frozen=True):
    """A certificate authority that can sign."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")


def create(data: Path, clock: Clock) -> DevelopmentCerts:
    """Makes what is missing under `data`/certs and renews the server certificate in its last 30 days."""
    certs = DevelopmentCerts(data / "certs")
    now = instant(clock.now())
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    certs.folder.mkdir(mode=0o700, exist_ok=True)
    if not certs.ca.exists():
        _store(_root("Hanse development CA", now, pathlen=1, constrained=True), certs.ca, certs.ca_key)
    if not certs.seal_ca.exists():
        _store(_root("Hanse development seal CA", now, pathlen=0, constrained=False), certs.seal_ca, certs.seal_ca_key)
    if _due(certs, now):
        _store(_server(load(certs.ca, certs.ca_key), now), certs.server, certs.server_key)
    return certs


def load(certificate: Path, key: Path) -> Ca:
    """A CA from its two files; `Mistake` if they are not a P-256 certificate and its key."""
    try:
        parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError) as cause:
        raise Mistake("trust.ca-files", path=certificate) from cause
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != parsed.public_key():
        raise Mistake("trust.ca-files", path=certificate)
    return Ca(parsed, private)


def issue_seal_certificate(ca: Ca, did: str, public_key: ec.EllipticCurvePublicKey, name: str, clock: Clock) -> str:
    """A PEM chain, leaf first: the seal certificate of a DID (SAN URI), then the seal CA (spec/contracts.md 2.4)."""
    now = instant(clock.now())
    builder = (
        _builder(subject(name), ca.certificate.subject, public_key, now, SEAL_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True, content_commitment=True), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(did)]), critical=False)
    )
    leaf = _identified(builder, public_key, ca.key).sign(ca.key, SHA256())
    return leaf.public_bytes(Encoding.PEM).decode("ascii") + ca.pem


def chain_der(pem: str) -> list[bytes]:
    """The certificates of a PEM chain as DER, in their order: what `x5c` holds."""
    return [certificate.public_bytes(Encoding.DER) for certificate in x509.load_pem_x509_certificates(pem.encode())]


def _due(certs: DevelopmentCerts, now: datetime) -> bool:
    if not (certs.server.exists() and certs.server_key.exists()):
        return True
    leaf = x509.load_pem_x509_certificates(certs.server.read_bytes())[0]
    key = load_pem_private_key(certs.server_key.read_bytes(), None)
    if key.public_key() != leaf.public_key():
        return True  # interrupted between the two files
    return leaf.not_valid_after_utc - now < timedelta(days=SERVER_RENEW_DAYS)


def _store(ca: Ca, certificate: Path, key: Path) -> None:
    """The key first: a certificate without its key would be taken for complete."""
    replaced(key, ca.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    replaced(certificate, ca.pem.encode("ascii"), 0o644)


def _root(name: str, now: datetime, *, pathlen: int, constrained: bool) -> Ca:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(subject(name), subject(name), key.public_key(), now, CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=pathlen), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    )
    if constrained:
        local = [
            x509.DNSName("localhost"),
            x509.IPAddress(ip_network("127.0.0.0/8")),
            x509.IPAddress(ip_network("::1/128")),
        ]
        builder = builder.add_extension(x509.NameConstraints(local, None), critical=True)
    return Ca(_identified(builder, key.public_key(), key).sign(key, SHA256()), key)


def _server(ca: Ca, now: datetime) -> Ca:
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1")), x509.IPAddress(ip_address("::1"))]
    builder = (
        _builder(subject("localhost"), ca.certificate.subject, key.public_key(), now, SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    return Ca(_identified(builder, key.public_key(), ca.key).sign(ca.key, SHA256()), key)


def subject(name: str) -> x509.Name:
    """The name as common name, cut to what `cryptography` takes: it counts bytes of UTF-8, and half an ü is none."""
    short = name.encode()[:_LONGEST_NAME].decode(errors="ignore")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, short)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=days))
    )


def _identified(
    builder: x509.CertificateBuilder, subject: ec.EllipticCurvePublicKey, issuer: Key
) -> x509.CertificateBuilder:
    """Key identifiers, which strict verifiers (RFC 5280) demand."""
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(subject), critical=False).add_extension(
        authority, critical=False
    )


def _usage(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
