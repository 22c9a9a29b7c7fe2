"""The form of our seals as EU DSS sees it, so that we do not only agree with ourselves (spec/contracts.md 8.7).

The European Commission's validator comes from Maven Central and is never kept; without Java or Maven this is skipped by
name, but in CI a skip is a failure.
"""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from connector.exchange.contracts.document import sealing
from connector.foundation.errors import Unavailable
from tests.conformance import maven
from tests.verify.keys import NOW, PROVIDER, Private, SealCa, SealKey

RELEASE = "6.4"
PARTS = ("dss-jades", "dss-validation", "dss-utils-apache-commons", "dss-policy-jaxb")
ROOT = "https://localhost:18443/musterstadt/evidence/objects/"
OBJECTS = {
    "urn:uuid:0e0f7f9c-3c73-4a52-9e4f-0d4f5a1f7d11": b'{"a":1}',
    ROOT + "a" * 64: b"<html><p>Vertrag \xc3\xbcber B\xc3\xa4ume</p></html>",
    ROOT + "b" * 64: b'{"badges":[]}',
}
CA = SealCa()
KEY = SealKey(PROVIDER, CA)
KEYS: Mapping[str, Callable[[], Private]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "PS256": lambda: rsa.generate_private_key(65537, 3072),
}


@pytest.fixture(scope="module")
def dss(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command line of the validator; the first time it is fetched."""
    artifacts = [maven.Artifact("eu.europa.ec.joinup.sd-dss", part, RELEASE) for part in PARTS]
    try:
        java = maven.java(os.environ)
        jars = maven.resolve("eu-dss", artifacts, cache=maven.cache(os.environ), mvn=maven.maven(os.environ))
    except Unavailable as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"EU DSS: {missing}")
    return [java, maven.QUICKLY, "-cp", f"{jars}/*", str(Path(__file__).with_name("Dss.java"))]


def said(dss: list[str], folder: Path, seal: str, objects: Mapping[str, bytes]) -> dict[str, Any]:
    """What the validator reports of the seal over these objects."""
    (folder / "seal.jws").write_text(seal, encoding="ascii")
    (folder / "root.pem").write_bytes(CA.certificate.public_bytes(Encoding.PEM))
    named: list[str] = []
    for number, (par, body) in enumerate(objects.items()):
        (folder / str(number)).write_bytes(body)
        named += [par, str(folder / str(number))]
    command = [*dss, str(folder / "seal.jws"), str(folder / "root.pem"), *named]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def sealed(key: SealKey = KEY) -> str:
    references = [sealing.Reference(par, body, "application/json") for par, body in OBJECTS.items()]
    return sealing.sign(references, key, key.chain, NOW)


@pytest.mark.long
@pytest.mark.parametrize("alg", ["ES256", "ES384", "PS256"])
def test_the_form_is_a_jades_baseline_b_over_every_object(dss: list[str], tmp_path: Path, alg: str) -> None:
    """>> a seal over three objects  << JAdES-BASELINE-B, signature intact, three entries found and intact."""
    key = SealKey(PROVIDER, CA, key=KEYS[alg]())
    assert key.alg == alg
    found = said(dss, tmp_path, sealed(key), OBJECTS)
    assert (found["format"], found["intact"]) == ("JAdES-BASELINE-B", True)
    assert [entry for entry in found["entries"] if entry[0] == "SIG_D_ENTRY"] == [["SIG_D_ENTRY", True, True]] * 3
    # Nobody here revokes certificates, so a chain without revocation data is all that is missing (level L1).
    assert found["indication"] in ("TOTAL_PASSED", "INDETERMINATE")


@pytest.mark.long
def test_one_changed_byte_is_seen_by_them_as_by_us(dss: list[str], tmp_path: Path) -> None:
    """>> the same seal, one object changed  << that entry is not intact, the seal fails.

    That we see it is shown in test_jades.py and test_bundle_every_bit.py.
    """
    changed = {par: body.replace(b"Vertrag", b"vertrag") for par, body in OBJECTS.items()}
    found = said(dss, tmp_path, sealed(), changed)
    entries = [entry for entry in found["entries"] if entry[0] == "SIG_D_ENTRY"]
    assert entries == [["SIG_D_ENTRY", True, True], ["SIG_D_ENTRY", True, False], ["SIG_D_ENTRY", True, True]]
    assert found["indication"] != "TOTAL_PASSED"
