"""Seals by an HSM, tested with SoftHSM: all three algorithms, a broken session, a wrong PIN only once (T48).

Every test runs in a process of its own, as PKCS#11 libraries keep their state per process.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testkit.patience import PATIENCE_S

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
pkcs11 = pytest.importorskip("pkcs11", reason="python-pkcs11 (extra hsm) is not installed")
pytestmark = [
    pytest.mark.threat("T48"),
    pytest.mark.skipif(not MODULE.exists(), reason=f"SoftHSM is not installed ({MODULE})"),
]
HERE = Path(__file__).parent

KEYS = """
import sys
from pathlib import Path
import pkcs11
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from pkcs11 import Attribute, KeyType
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

publics = {}
with pkcs11.lib(sys.argv[1]).get_token(token_label="stadt").open(rw=True, user_pin="1234") as session:
    for label, curve in (("es256", "secp256r1"), ("es384", "secp384r1")):
        parameters = session.create_domain_parameters(
            KeyType.EC, {Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}, local=True)
        public, _ = parameters.generate_keypair(store=True, label=label)
        publics[label] = load_der_public_key(encode_ec_public_key(public))
    public, _ = session.generate_keypair(KeyType.RSA, 3072, store=True, label="ps256")
    n = int.from_bytes(public[Attribute.MODULUS], "big")
    e = int.from_bytes(public[Attribute.PUBLIC_EXPONENT], "big")
    publics["ps256"] = rsa.RSAPublicNumbers(e, n).public_key()
for label, public in publics.items():
    Path(sys.argv[2], f"{label}.pem").write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
"""
BEGIN = """
import asyncio, sys
from pathlib import Path
import pkcs11
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key
from pkcs11 import Attribute, KeyType, ObjectClass
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters
from connector.foundation.errors import Unavailable
from connector.foundation.settings.sections import Secret, Signers
from connector.identity.trust.signers.pkcs11 import Hsm
from connector.identity.trust.signers.port import KeptKey, Place
from connector.verify.formats import algorithms

MODULE = Path("{module}")
lib = pkcs11.lib(str(MODULE))
token = lib.get_token(token_label="stadt")
publics = {{file.stem: load_pem_public_key(file.read_bytes()) for file in Path("{keys}").glob("*.pem")}}

def hsm(pin="1234", module=MODULE):
    return Hsm(Signers(pkcs11_module=module, pkcs11_pin=Secret(pin)))

def key(box, label="es256", token="stadt", public="es256"):
    return KeptKey("did:web:a.example#" + label, publics[public], Place(signer="pkcs11", key=label, token=token),
                   box.sign, {patience})

async def code(seal_key):
    try:
        await seal_key.seal(b"header.")
    except Unavailable as fault:
        assert "1234" not in str(fault) and "0000" not in str(fault)
        return fault.code, fault.facts.get("why")
    return "sealed", None
"""


def configured(folder: Path) -> dict[str, str]:
    """For tokens that lie in a folder of this one."""
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    return {**os.environ, "SOFTHSM2_CONF": str(conf)}


def initialised(environ: dict[str, str], pin: str) -> None:
    """One more token `stadt`."""
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", "stadt", "--pin", pin, "--so-pin", "5678"],
        env=environ,
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token with three keys, and beside it their public ones: to make an RSA key takes longer than any test here."""
    folder = tmp_path_factory.mktemp("hsm")
    (folder / "tokens").mkdir()
    environ = configured(folder)
    initialised(environ, "1234")
    subprocess.run([sys.executable, "-c", KEYS, MODULE, folder], env=environ, check=True)
    return folder


@pytest.fixture
def environ(made: Path, tmp_path: Path) -> dict[str, str]:
    """A copy of the token below the test's folder."""
    shutil.copytree(made / "tokens", tmp_path / "tokens")
    for file in made.glob("*.pem"):
        shutil.copy(file, tmp_path)
    return configured(tmp_path)


def run(environ: dict[str, str], text: str, module: Path = MODULE) -> None:
    """Runs the lines after the common beginning; they assert for themselves."""
    keys = Path(environ["SOFTHSM2_CONF"]).parent
    begin = BEGIN.format(module=module, keys=keys, patience=PATIENCE_S)
    program = begin + "\nasync def main():\n" + text + "\nasyncio.run(main())\n"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr[-2000:]


def test_all_three_algorithms_over_a_digest(environ: dict[str, str]) -> None:
    run(
        environ,
        """
    box = hsm()
    for label, alg in (("es256", "ES256"), ("es384", "ES384"), ("ps256", "PS256")):
        seal_key = key(box, label, public=label)
        assert seal_key.alg == alg
        raw = await seal_key.seal(b"header.")
        assert algorithms.verifies(publics[label], raw, b"header."), label
""",
    )


def test_seals_that_are_asked_for_at_once_share_one_session(environ: dict[str, str]) -> None:
    run(
        environ,
        """
    box = hsm()
    raws = await asyncio.gather(*(key(box).seal(b"%d" % number) for number in range(20)))
    assert all(algorithms.verifies(publics["es256"], raw, b"%d" % number) for number, raw in enumerate(raws))
    assert len(box._sessions) == 1
""",
    )


def test_a_session_that_broke_is_opened_anew(environ: dict[str, str]) -> None:
    """>> the HSM closes all sessions behind our back << the next seal is made all the same."""
    run(
        environ,
        """
    box = hsm()
    await key(box).seal(b"header.")
    box._sessions["stadt"].close()
    assert await code(key(box)) == ("sealed", None)
    assert await code(key(box)) == ("sealed", None)
""",
    )


def test_a_library_that_was_started_anew_is_used_again(environ: dict[str, str]) -> None:
    """What another part of the process does to the library costs one attempt, not all seals."""
    run(
        environ,
        """
    box = hsm()
    await key(box).seal(b"header.")
    lib.reinitialize()
    assert await code(key(box)) == ("sealed", None)
""",
    )


def test_a_wrong_pin_is_tried_once_and_never_again(environ: dict[str, str]) -> None:
    """A token locks itself after a few wrong PINs; retries by the errand would lock it within minutes."""
    run(
        environ,
        """
    box = hsm("0000")
    opened = []
    real = pkcs11.lib
    pkcs11.lib = lambda module: opened.append(module) or real(module)
    for _ in range(5):
        assert (await code(key(box)))[0] == "signers.pin"
    assert len(opened) == 1
    assert await code(key(hsm())) == ("sealed", None)
""",
    )


def test_what_is_not_there_is_named(environ: dict[str, str]) -> None:
    """Key, token, library, settings: each has a sentence of its own; none of them ends a negotiation."""
    run(
        environ,
        """
    assert await code(key(hsm(), "anderer")) == ("signers.no-key", "NoSuchKey")
    assert await code(key(hsm(), token="anderes")) == ("signers.no-key", "NoSuchToken")
    assert (await code(key(Hsm(Signers()))))[0] == "signers.not-set"
    assert (await code(key(hsm(module=Path("/nowhere.so")))))[0] == "signers.hsm"
""",
    )


def test_a_key_that_is_not_the_certificates_seals_nothing(environ: dict[str, str]) -> None:
    run(
        environ,
        """
    assert (await code(key(hsm(), "ps256", public="es256")))[0] in ("signers.hsm", "signers.wrong-signature")
    with token.open(rw=True, user_pin="1234") as session:
        parameters = session.create_domain_parameters(
            KeyType.EC, {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}, local=True)
        parameters.generate_keypair(store=True, label="fremd")
    assert (await code(key(hsm(), "fremd")))[0] == "signers.wrong-signature"
""",
    )


def test_without_the_package_the_sentence_says_what_to_install(environ: dict[str, str]) -> None:
    run(
        environ,
        """
    sys.modules["pkcs11"] = None
    assert (await code(key(hsm())))[0] == "signers.no-pkcs11"
""",
    )


def test_a_key_that_the_token_shows_in_plain_seals_nothing(environ: dict[str, str]) -> None:
    """Whoever knows the PIN could take it away; keys made as usual cannot be read."""
    run(
        environ,
        """
    with token.open(rw=True, user_pin="1234") as session:
        parameters = session.create_domain_parameters(
            KeyType.EC, {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}, local=True)
        public, _ = parameters.generate_keypair(store=True, label="offen", private_template={
            Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True})
        publics["offen"] = load_der_public_key(encode_ec_public_key(public))
    box = hsm()
    assert (await code(key(box, "offen", public="offen")))[0] == "signers.readable-key"
    assert await code(key(box)) == ("sealed", None)
""",
    )


def test_two_keys_or_two_tokens_of_one_name_are_told_apart_by_nobody(environ: dict[str, str]) -> None:
    """>> two keys of one label, then two tokens << neither is guessed, and the sentence names both labels."""
    run(
        environ,
        """
    with token.open(rw=True, user_pin="1234") as session:
        for _ in range(2):
            parameters = session.create_domain_parameters(
                KeyType.EC, {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}, local=True)
            parameters.generate_keypair(store=True, label="zwilling")
    assert await code(key(hsm(), "zwilling")) == ("signers.no-key", "MultipleObjectsReturned")
""",
    )
    initialised(environ, "4321")
    begin = BEGIN.format(module=MODULE, keys="", patience=PATIENCE_S).partition("lib = ")[0]
    subprocess.run(
        [
            sys.executable,
            "-c",
            begin
            + """
from cryptography.hazmat.primitives.asymmetric import ec
async def tried():
    place, public = Place(signer="pkcs11", key="es256", token="stadt"), ec.generate_private_key(ec.SECP256R1())
    box = Hsm(Signers(pkcs11_module=MODULE, pkcs11_pin=Secret("1234")))
    try:
        await KeptKey("did:web:a.example#x", public.public_key(), place, box.sign, 600.0).seal(b"header.")
    except Unavailable as fault:
        return fault.code, fault.facts["why"]
assert asyncio.run(tried()) == ("signers.no-key", "MultipleTokensReturned")
""",
        ],
        env=environ,
        check=True,
        cwd=HERE.parents[3],
    )


def test_a_token_that_is_gone_in_the_middle_is_named_and_comes_back(environ: dict[str, str]) -> None:
    """>> the token is pulled between two seals << not now, with its name; plugged in again << sealed, no PIN lost."""
    run(
        environ,
        """
    box = hsm()
    await key(box).seal(b"header.")
    real = pkcs11.lib
    class Gone:
        def get_token(self, **named):
            raise pkcs11.NoSuchToken
    class Pulled:
        def get_key(self, **named):
            raise pkcs11.DeviceRemoved
        def close(self):
            raise pkcs11.DeviceRemoved
    box._sessions["stadt"].close()
    box._sessions["stadt"] = Pulled()
    pkcs11.lib = lambda module: Gone()
    assert await code(key(box)) == ("signers.no-key", "NoSuchToken")
    pkcs11.lib = real
    assert await code(key(box)) == ("sealed", None)
""",
    )


@pytest.mark.threat("T60")
@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler (cc) for the slow HSM")
def test_an_hsm_that_hangs_stops_neither_the_loop_nor_the_end_of_the_process(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """>> C_Sign never returns << the loop goes on, seals say "too slow", then are not even asked; the process ends."""
    library, held = tmp_path / "slow.so", tmp_path / "held"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, HERE / "slow_hsm.c", "-ldl"], check=True)
    run(
        {**environ, "SLOW_HSM": str(held), "SLOW_HSM_ASKED": str(held.with_name("asked"))},
        f"""
    import threading
    from connector.identity.trust.signers import throttle
    throttle.FIRST_S = throttle.LONGEST_S
    held, box = Path({str(held)!r}), hsm()
    asked = held.with_name("asked")
    await key(box).seal(b"header.")
    held.touch()
    hangs = asyncio.create_task(key(box).seal(b"header."))
    while not asked.exists():
        await asyncio.sleep(0.01)
    for _ in range(10):
        await asyncio.sleep(0.01)
    assert not hangs.done()
    place = Place(signer="pkcs11", key="es256", token="stadt")
    one = KeptKey("did:web:a.example#es256", publics["es256"], place, box.sign, 0.05)
    assert (await code(one))[0] == "signers.hsm-slow"
    assert (await code(one))[0] == "signers.paused"
    hangs.cancel()
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "hsm"] == [True]
""",
        library,
    )
