"""A timestamp authority for tests: `openssl ts` for the honest, `openssl cms` for what no honest one would sign."""

import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TST_INFO = "1.2.840.113549.1.9.16.1.4"
NOTE = "musterstadt.example/log/0\n5\nAAAA\n\n— musterstadt.example/log/0 AAAA\n".encode()
TIMESTAMPS = ExtendedKeyUsageOID.TIME_STAMPING
_NOW = datetime.now(UTC).replace(microsecond=0)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_CONFIG = """[tsa]
default_tsa = one
[one]
serial = serial
signer_digest = {digest}
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = {bound}
"""


def openssl() -> str:
    """The program, or the test is skipped."""
    found = shutil.which("openssl")
    if found is None:
        pytest.skip("no openssl: apt-get install openssl")
    return found


@lru_cache
def new_key(kind: str, name: str) -> Key:
    """One key per purpose and run: RSA takes long to make."""
    return rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())


def certificate(
    name: str,
    key: Key,
    issuer: "tuple[x509.Certificate, Key] | None",
    *,
    ca: bool = False,
    purposes: Sequence[x509.ObjectIdentifier] = (),
    critical: bool = True,
    begins: datetime = _NOW - timedelta(days=30),
    ends: datetime = _NOW + timedelta(days=300),
) -> x509.Certificate:
    """A certificate; self-signed without an issuer."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    parent, parent_key = (None, key) if issuer is None else issuer
    usage = x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if parent is None else parent.subject)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(sha256(name.encode()).digest()[:8]) | 1)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(parent_key.public_key()), critical=False)
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=critical)
    return builder.sign(parent_key, SHA256())


class Authority:
    """Root, a CA under it, and a certificate for timestamps; `purposes`, `critical`, `ca` and the days may be wrong."""

    def __init__(
        self,
        folder: Path,
        kind: str = "ec",
        *,
        name: str = "Zeitstempel",
        purposes: Sequence[x509.ObjectIdentifier] = (TIMESTAMPS,),
        critical: bool = True,
        ca: bool = False,
        ca_purposes: Sequence[x509.ObjectIdentifier] = (TIMESTAMPS,),
        begins: datetime = _NOW - timedelta(days=30),
        ends: datetime = _NOW + timedelta(days=300),
    ) -> None:
        self.folder = folder
        keys = [new_key(kind, f"{name}-{part}") for part in ("root", "ca", "leaf")]
        self.root = certificate(f"{name} Wurzel", keys[0], None, ca=True)
        self.middle = certificate(
            f"{name} CA", keys[1], (self.root, keys[0]), ca=True, purposes=ca_purposes, critical=False
        )
        self.leaf = certificate(
            name, keys[2], (self.middle, keys[1]), ca=ca, purposes=purposes, critical=critical, begins=begins, ends=ends
        )
        self.roots = [self.root]
        folder.mkdir(parents=True, exist_ok=True)
        self._write("leaf.pem", self.leaf.public_bytes(Encoding.PEM))
        self._write("chain.pem", b"".join(one.public_bytes(Encoding.PEM) for one in (self.middle, self.root)))
        self._write("leaf.key", keys[2].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    def query(
        self, data: bytes = NOTE, *, certificates: bool = True, nonce: bool = True, hash: str = "sha256"
    ) -> bytes:
        """A request as `openssl ts` makes it."""
        self._write("data", data)
        asked = ["-cert"] if certificates else []
        asked += [] if nonce else ["-no_nonce"]
        return self._run("ts", "-query", "-data", "data", f"-{hash}", *asked, "-out", "answer")

    def reply(
        self, query: bytes, *, chain: bool = True, bound: str = "sha256", digest: str = "sha256", token: bool = False
    ) -> bytes:
        """The answer to it; `token` without the status around it."""
        self._write("query", query)
        self._write("tsa.conf", _CONFIG.format(bound=bound, digest=digest).encode())
        if not (self.folder / "serial").exists():
            self._write("serial", b"0A")
        more = ["-chain", "chain.pem"] if chain else []
        more += ["-token_out"] if token else []
        return self._run(
            "ts",
            "-reply",
            "-queryfile",
            "query",
            "-config",
            "tsa.conf",
            "-inkey",
            "leaf.key",
            "-signer",
            "leaf.pem",
            *more,
            "-out",
            "answer",
        )

    def token(self, data: bytes = NOTE, *, certificates: bool = True, chain: bool = True) -> bytes:
        """A TimeStampToken over the data."""
        return self.reply(self.query(data, certificates=certificates), chain=chain, token=True)

    def sign(self, info: bytes, *options: str, kind: str = TST_INFO, binding: str = "-cades") -> bytes:
        """Signed data over any TSTInfo at all."""
        self._write("info", info)
        return self._run(
            "cms",
            "-sign",
            "-binary",
            "-nodetach",
            binding,
            "-md",
            "sha256",
            "-econtent_type",
            kind,
            "-in",
            "info",
            "-signer",
            "leaf.pem",
            "-inkey",
            "leaf.key",
            "-certfile",
            "chain.pem",
            *options,
            "-outform",
            "DER",
            "-out",
            "answer",
        )

    def _run(self, *words: str) -> bytes:
        done = subprocess.run([openssl(), *words], cwd=self.folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return (self.folder / "answer").read_bytes()

    def _write(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)


def tlv(tag: int, *parts: bytes) -> bytes:
    """DER of one value."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(size)]) + size + body


SHA_256 = bytes.fromhex("0609608648016503040201")
SHA_1 = bytes.fromhex("06052b0e03021a")


def tst_info(
    data: bytes = NOTE,
    *,
    version: int = 1,
    hash: bytes = SHA_256,
    imprint: bytes | None = None,
    time: bytes | None = None,
    more: bytes = b"",
) -> bytes:
    """A TSTInfo by hand (RFC 3161, 2.4.2)."""
    moment = _NOW.strftime("%Y%m%d%H%M%SZ").encode() if time is None else time
    return tlv(
        0x30,
        tlv(0x02, bytes([version])),
        bytes.fromhex("06032a0304"),
        tlv(0x30, tlv(0x30, hash), tlv(0x04, sha256(data).digest() if imprint is None else imprint)),
        tlv(0x02, b"\x07"),
        tlv(0x18, moment),
        more,
    )
