"""Development certificates: accepted by strict verifiers for this machine, refused for any other name."""

import asyncio
import shutil
import ssl
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connector.foundation.clock import FakeClock, SystemClock, instant
from connector.foundation.errors import Mistake
from connector.identity.trust.development import dev_ca
from connector.identity.trust.keys.signing import SoftwareKey

DAY = 86_400_000


def test_files_and_modes(tmp_path: Path) -> None:
    """Folders 0700, keys 0600, names as the handbook has them."""
    data = tmp_path / "data"
    certs = dev_ca.create(data, SystemClock())
    names = {"dev-ca.pem", "dev-ca.key", "server.pem", "server.key", "seal-ca.pem", "seal-ca.key"}
    assert {path.name for path in certs.folder.iterdir()} == names
    assert {path.stat().st_mode & 0o777 for path in (data, certs.folder)} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in certs.folder.glob("*.key")} == {0o600}


def test_creating_twice_changes_nothing(tmp_path: Path) -> None:
    """Idempotent: the second call leaves each byte alone."""
    before = {path: path.read_bytes() for path in dev_ca.create(tmp_path, SystemClock()).folder.iterdir()}
    dev_ca.create(tmp_path, SystemClock())
    assert {path: path.read_bytes() for path in before} == before


def test_the_server_certificate_is_renewed_in_its_last_month(tmp_path: Path) -> None:
    """>> 59 days << kept; >> 61 days << renewed by the same CA; >> key and certificate of different runs << renewed."""
    clock = FakeClock()
    certs = dev_ca.create(tmp_path, clock)
    first, ca = certs.server.read_bytes(), certs.ca.read_bytes()
    clock.advance(59 * DAY)
    dev_ca.create(tmp_path, clock)
    assert certs.server.read_bytes() == first
    clock.advance(2 * DAY)
    dev_ca.create(tmp_path, clock)
    second = certs.server.read_bytes()
    assert second != first
    assert certs.ca.read_bytes() == ca
    certs.server.write_bytes(first)
    clock.at = FakeClock().at
    dev_ca.create(tmp_path, clock)
    assert certs.server.read_bytes() not in (first, second)


async def handshake(certificate: Path, key: Path, ca: Path, name: str) -> None:
    """A TLS 1.3 handshake between Python's `ssl` on both ends, strict on the client's."""
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate, key)
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=server_side)
    context = ssl.create_default_context(cafile=str(ca))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    port = server.sockets[0].getsockname()[1]
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
        writer.close()
    finally:
        server.close()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
async def test_strict_verification_accepts_this_machine(certs: dev_ca.DevelopmentCerts, name: str) -> None:
    """>> localhost, 127.0.0.1, ::1 under VERIFY_X509_STRICT << a connection."""
    await handshake(certs.server, certs.server_key, certs.ca, name)


def misuse(certs: dev_ca.DevelopmentCerts, folder: Path, name: x509.GeneralName) -> tuple[Path, Path]:
    """What a thief of the development CA's key would sign."""
    ca, key = dev_ca.load(certs.ca, certs.ca_key), ec.generate_private_key(ec.SECP256R1())
    now = instant(SystemClock().now())
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(ca.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(ca.key, SHA256())
    )
    certificate, key_file = folder / "leaf.pem", folder / "leaf.key"
    certificate.write_bytes(leaf.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, key_file


async def test_a_stolen_ca_cannot_vouch_for_a_real_name(certs: dev_ca.DevelopmentCerts, tmp_path: Path) -> None:
    """>> stadt-a.de << permitted subtree violation; >> stadt-a.localhost << accepted, it is this machine."""
    leaf, key = misuse(certs, tmp_path, x509.DNSName("stadt-a.de"))
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        await handshake(leaf, key, certs.ca, "stadt-a.de")
    leaf, key = misuse(certs, tmp_path, x509.DNSName("stadt-a.localhost"))
    await handshake(leaf, key, certs.ca, "stadt-a.localhost")


async def test_the_seal_ca_is_not_the_tls_ca(certs: dev_ca.DevelopmentCerts) -> None:
    """>> the server's certificate against the seal root << refused."""
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(certs.server, certs.server_key, certs.seal_ca, "localhost")


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command (apt install openssl)")
def test_openssl_agrees(certs: dev_ca.DevelopmentCerts, tmp_path: Path) -> None:
    """`openssl verify -x509_strict`: our server good, a stolen CA's 10.0.0.1 refused."""
    done = openssl("verify", "-x509_strict", "-CAfile", certs.ca, "-verify_hostname", "localhost", certs.server)
    assert done.returncode == 0, done.stderr
    leaf, _ = misuse(certs, tmp_path, x509.DNSName("stadt-a.de"))
    refused = openssl("verify", "-x509_strict", "-CAfile", certs.ca, leaf)
    assert "permitted subtree violation" in refused.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs the curl command (apt install curl)")
async def test_curl_agrees(certs: dev_ca.DevelopmentCerts) -> None:
    """`curl --cacert dev-ca.pem https://localhost:…` connects; without the CA it does not."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs.server, certs.server_key)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    url = f"https://localhost:{server.sockets[0].getsockname()[1]}/"
    for extra, code in ((["--cacert", str(certs.ca)], 0), ([], 60)):
        command = ["curl", "-sS", "--noproxy", "*", *extra, url]
        process = await asyncio.create_subprocess_exec(*command, stdout=-1, stderr=-1)
        output, _ = await process.communicate()
        assert process.returncode == code
        assert (output == b"ok") == (code == 0)
    server.close()


def test_a_seal_certificate_names_its_did(certs: dev_ca.DevelopmentCerts, town: str) -> None:
    """The chain ends at the seal CA; SAN URI = DID, key usage for seals, the key is the seal key."""
    key = SoftwareKey.generate("seal", town)
    ca = dev_ca.load(certs.seal_ca, certs.seal_ca_key)
    chain = dev_ca.issue_seal_certificate(ca, town, key.public_key(), "Musterstadt " + "x" * 80, SystemClock())
    leaf, root = x509.load_pem_x509_certificates(chain.encode())
    leaf.verify_directly_issued_by(root)
    assert root == ca.certificate
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [town]
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert (usage.value.digital_signature, usage.value.content_commitment, usage.value.key_cert_sign) == (
        True,
        True,
        False,
    )
    assert leaf.public_key() == key.public_key()
    assert dev_ca.chain_der(chain)[0] == leaf.public_bytes(Encoding.DER)


def test_a_ca_and_a_foreign_key_are_no_ca(certs: dev_ca.DevelopmentCerts, tmp_path: Path) -> None:
    """>> certificate and key that do not belong together, no files << `Mistake` with the path."""
    with pytest.raises(Mistake, match="ca-files"):
        dev_ca.load(certs.ca, certs.seal_ca_key)
    with pytest.raises(Mistake, match="ca-files"):
        dev_ca.load(tmp_path / "none.pem", certs.seal_ca_key)
