"""Keys, certificates and witnesses for bundles, independent of the product's own key handling."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from connector.verify.formats import algorithms, base64url, checkpoint, cosignature

NOW = 1_795_000_000
PROVIDER = "did:web:localhost%3A18443:musterstadt"
CONSUMER = "did:web:localhost%3A18443:nachbardorf"
STRANGER = "did:web:localhost%3A19443:stadtwerke"
DAY = 86_400
Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Public = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


def root_of(did: str) -> str:
    return "https://" + did.removeprefix("did:web:").replace(":", "/").replace("%3A", ":")


def es256(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def signature(key: Private, data: bytes) -> bytes:
    """Raw, by the algorithm of the key: ES256, ES384 or PS256."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    if key.curve.name == "secp256r1":
        return es256(key, data)
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(SHA384())))
    return r.to_bytes(48) + s.to_bytes(48)


def jwk_of(key: Private) -> dict[str, str]:
    if isinstance(key, rsa.RSAPrivateKey):
        public = key.public_key().public_numbers()
        n, e = (base64url.encode(number.to_bytes((number.bit_length() + 7) // 8)) for number in (public.n, public.e))
        return {"kty": "RSA", "n": n, "e": e}
    numbers, size = key.public_key().public_numbers(), key.key_size // 8
    x, y = (base64url.encode(number.to_bytes(size)) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": f"P-{key.key_size}", "x": x, "y": y}


class SealCa:
    """A root for seal certificates."""

    def __init__(self, name: str = "Siegel-CA", key: Private | None = None) -> None:
        self.key: Private = ec.generate_private_key(ec.SECP256R1()) if key is None else key
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._make(self.name, self.key.public_key(), [], ca=True, days=3650)

    def issue(
        self,
        public: Public,
        uris: Sequence[str],
        *,
        start: int = NOW - DAY,
        days: int = 730,
        more: Sequence[x509.ExtensionType] = (),
    ) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Siegel")])
        return self._make(name, public, uris, ca=False, start=start, days=days, more=more)

    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def _make(
        self,
        subject: x509.Name,
        public: Public,
        uris: Sequence[str],
        *,
        ca: bool,
        days: int,
        start: int = NOW - DAY,
        more: Sequence[x509.ExtensionType] = (),
    ) -> x509.Certificate:
        begin = datetime.fromtimestamp(start, UTC)
        usage = x509.KeyUsage(not ca, not ca, False, False, False, ca, ca, False, False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if uris:
            names = [x509.UniformResourceIdentifier(uri) for uri in uris]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        for extension in more:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, SHA256())


class SealKey:
    """A seal key with its certificate: what `contracts.signing.sign` takes."""

    def __init__(
        self,
        did: str,
        ca: SealCa,
        *,
        uris: Sequence[str] | None = None,
        days: int = 3600,
        key: Private | None = None,
        more: Sequence[x509.ExtensionType] = (),
    ) -> None:
        self.did = did
        self.key = ec.generate_private_key(ec.SECP256R1()) if key is None else key
        self.alg = algorithms.of_key(self.key.public_key()) or "none"
        self.kid = f"{did}#seal"
        self.certificate = ca.issue(self.key.public_key(), [did] if uris is None else uris, days=days, more=more)

    @property
    def chain(self) -> list[bytes]:
        return [self.certificate.public_bytes(Encoding.DER)]

    def sign(self, data: bytes) -> bytes:
        return signature(self.key, data)

    @property
    def fingerprint(self) -> str:
        """As the trust list names the certificate."""
        return sha256(self.chain[0]).hexdigest()

    def document(self) -> dict[str, object]:
        method = {"id": self.kid, "type": "JsonWebKey2020", "controller": self.did, "publicKeyJwk": jwk_of(self.key)}
        return {"id": self.did, "verificationMethod": [method], "assertionMethod": [self.kid]}


class LogKey:
    alg = "Ed25519"

    def __init__(self) -> None:
        self._key = ed25519.Ed25519PrivateKey.generate()
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public_jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(public)}

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


class PqLogKey:
    alg = "ML-DSA-44"

    def __init__(self) -> None:
        self._key = mldsa.MLDSA44PrivateKey.generate()
        public = self._key.public_key().public_bytes_raw()
        self.public_jwk = {"kty": "AKP", "alg": "ML-DSA-44", "pub": base64url.encode(public)}

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


class Witness:
    """Cosigns states of others' logs, as the trust list names it: with one Ed25519 and one ML-DSA-44 key."""

    def __init__(self, operator: str = "did:web:zeuge.example", at: int = NOW + 60) -> None:
        self.operator, self.at, self.keys = operator, at, [LogKey(), PqLogKey()]
        self.url = f"https://{operator.removeprefix('did:web:')}/witness"

    def entry(self) -> dict[str, object]:
        return {"operator": self.operator, "url": self.url, "keys": [key.public_jwk for key in self.keys]}

    def cosign(self, note: str, at: int | None = None) -> str:
        """The note with this witness's two lines; `at` in seconds."""
        state, seconds = checkpoint.parse(note), self.at if at is None else at
        name = cosignature.name_of(self.url)
        messages = [
            checkpoint.timed_message(seconds, state.text),
            checkpoint.cosigned_message(name, seconds, state.origin, state.size, state.root),
        ]
        for key, message in zip(self.keys, messages, strict=True):
            known = checkpoint.key_of(name, key.public_jwk, checkpoint.TIMED_ED25519)
            assert known is not None
            note += checkpoint.line_of(name, known.id, seconds.to_bytes(8) + key.sign(message))
        return note
