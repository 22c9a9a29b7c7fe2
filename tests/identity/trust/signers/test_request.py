"""A certificate request names the DID, is signed by the seal key, and another tool takes it."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from connector.identity.trust.keys.signing import SoftwareKey
from connector.identity.trust.signers import request
from connector.identity.trust.signers.port import Asked, Place
from tests.identity.trust.signers.keepers import ALGS, KEYS, digest_signature, kept

DID = "did:web:localhost%3A18443:musterstadt"


async def keep(asked: Asked) -> list[bytes]:
    return [digest_signature(KEYS[asked.scheme.alg], asked.digest)]


def check(text: str) -> x509.CertificateSigningRequest:
    found = x509.load_pem_x509_csr(text.encode())
    assert found.is_signature_valid
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [DID]
    usage = found.extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.content_commitment, usage.value.key_cert_sign) == (True, True, False)
    return found


async def test_for_a_key_in_this_process() -> None:
    """A name longer than 64 bytes is cut between characters, not refused: umlauts used to break it."""
    key = SoftwareKey.generate("seal", DID)
    found = check(await request.write("Müsterstadt " * 10, DID, key.public_key(), key))
    assert found.public_key() == key.public_key()
    name = str(found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    assert name == ("Müsterstadt " * 10).encode()[:64].decode(errors="ignore")


@pytest.mark.parametrize("alg", ALGS)
async def test_for_a_key_elsewhere(alg: str, tmp_path: Path) -> None:
    """ES256, ES384 and RSA-PSS, signed by the keeper; OpenSSL agrees."""
    key = kept(alg, Place(signer="csc", key="k"), keep)
    text = await request.write("Musterstadt", DID, KEYS[alg].public_key(), key)
    assert check(text).public_key() == KEYS[alg].public_key()
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command")
    (tmp_path / "r.pem").write_text(text)
    done = subprocess.run([openssl, "req", "-verify", "-noout", "-in", str(tmp_path / "r.pem")], capture_output=True)
    assert done.returncode == 0, done.stderr
