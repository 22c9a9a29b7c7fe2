"""Two cities whose databases or keys lie elsewhere: on PostgreSQL, with one or two replicas each, or in SoftHSM.

What is not installed is said by name and left out.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from _cities import MUNICIPALITY, Cities, City, progress
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from connector.foundation.clock import SystemClock
from connector.identity.trust.development import dev_ca
from tests.cities.sharing import free_port, shared
from tests.postgres import Cluster

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "1234"
_MAKE = """
import sys
import pkcs11
from pkcs11 import Attribute, KeyType
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters
token = pkcs11.lib(sys.argv[1]).get_token(token_label=sys.argv[2])
with token.open(rw=True, user_pin=sys.argv[3]) as session:
    parameters = session.create_domain_parameters(
        KeyType.EC, {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}, local=True)
    public, _ = parameters.generate_keypair(store=True, label="seal")
    print(encode_ec_public_key(public).hex())
"""


class DurableCluster(Cluster):
    """A cluster that waits for the disk, as ours do."""

    durable = True


@contextmanager
def cluster() -> Iterator[Cluster | None]:
    """On the disk; None where PostgreSQL is not installed."""
    if not any(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        progress("PostgreSQL is not installed: left out")
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="hpg"))
    made = DurableCluster(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def replicas(space: Cities, made: Cluster, slug: str, database: str, count: int) -> list[City]:
    """`count` processes of one city on a database of this cluster, one port and one folder of files."""
    made.admin("CREATE DATABASE {} TEMPLATE {} OWNER hanse_owner", database, "hanse_template")
    place = space.folder / f"{database}-shared"
    place.mkdir()
    environ = shared(place / "space", made.urls(database), free_port())
    return [
        await space.start(
            f"{database}{number}", slug, MUNICIPALITY, environ=environ | {"HANSE_API__SOCKET": "api.sock"}
        )
        for number in range(count)
    ]


def softhsm(space: Cities) -> Mapping[str, str] | None:
    """The environment of a process that finds its keys in SoftHSM; None where that is not installed."""
    if not LIBRARY.exists() or shutil.which("softhsm2-util") is None:
        progress("SoftHSM is not installed: left out")
        return None
    conf = space.folder / "softhsm2.conf"
    conf.write_text(
        f"directories.tokendir = {space.folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    (space.folder / "tokens").mkdir()
    return {
        "SOFTHSM2_CONF": str(conf),
        "HANSE_SIGNERS__PKCS11_MODULE": str(LIBRARY),
        "HANSE_SIGNERS__PKCS11_PIN": PIN,
    }


async def keep_in_softhsm(space: Cities, city: City, environ: Mapping[str, str]) -> None:
    """From now on the city seals with a key of a token of its own, which the development CA certifies."""
    label = city.slug
    command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "5678"]
    whole = {**os.environ, **environ}
    subprocess.run(command, env=whole, check=True, capture_output=True)
    made = subprocess.run(
        [sys.executable, "-c", _MAKE, str(LIBRARY), label, PIN], env=whole, check=True, capture_output=True, text=True
    )
    public = load_der_public_key(bytes.fromhex(made.stdout.strip()))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    certs = space.folder / "space" / "certs"
    ca = dev_ca.load(certs / "seal-ca.pem", certs / "seal-ca.key")
    chain = dev_ca.issue_seal_certificate(ca, city.did, public, city.slug.title(), SystemClock())
    body = {"certificate": chain, "signer": "pkcs11", "key": "seal", "token": label}
    await city.api.post(f"/api/v1/participants/{city.slug}/seal", body)
