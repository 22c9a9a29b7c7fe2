"""A responder that answers for certificates (OCSP), honestly or not."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from tests.verify.forge import DAY, NOW, SealCa, SealKey

SEEN = NOW + 60
"""When the witness of a case saw the log."""


class Responder:
    """Answers for a CA about one certificate, by itself or by somebody it certified for that."""

    def __init__(self, ca: SealCa) -> None:
        self.ca = ca

    def answer(
        self,
        certificate: x509.Certificate,
        *,
        since: int | None = None,
        at: int = SEEN + DAY,
        by: SealKey | None = None,
        unknown: bool = False,
        issuer: x509.Certificate | None = None,
        sha1: bool = False,
    ) -> bytes:
        issued = self.ca.certificate if issuer is None else issuer
        good, bad, neither = (getattr(ocsp.OCSPCertStatus, name) for name in ("GOOD", "REVOKED", "UNKNOWN"))
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=certificate,
            issuer=issued,
            algorithm=SHA1() if sha1 else SHA256(),
            cert_status=neither if unknown else good if since is None else bad,
            this_update=datetime.fromtimestamp(at, UTC),
            next_update=datetime.fromtimestamp(at, UTC) + timedelta(days=7),
            revocation_time=None if since is None else datetime.fromtimestamp(since, UTC),
            revocation_reason=None if since is None else x509.ReasonFlags.key_compromise,
        )
        if by is None:
            builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.ca.certificate)
            return builder.sign(self.ca.key, SHA256()).public_bytes(Encoding.DER)
        assert isinstance(by.key, ec.EllipticCurvePrivateKey)
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, by.certificate).certificates([by.certificate])
        return builder.sign(by.key, SHA256()).public_bytes(Encoding.DER)
