"""Keys and their custody."""

import json
import pickle
from itertools import product
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from connector.foundation.errors import Defect, Mistake, PeerError
from connector.identity.trust.keys import jwk as jwks
from connector.identity.trust.keys.jwk import decode, encode, public_key, thumbprint
from connector.identity.trust.keys.signing import (
    ALGORITHMS,
    PURPOSES,
    STEPS,
    Purpose,
    Secret,
    SoftwareKey,
    State,
    Vault,
    active,
    step,
)
from connector.identity.trust.keys.vault import master_file, parse_master

STATES: tuple[State, ...] = ("pending", "active", "verify-only", "removed")


def good(key: SoftwareKey, data: bytes, signature: bytes) -> None:
    """Raises unless the signature is right, asked of the public JWK alone."""
    jwk = key.public_jwk
    if jwk["kty"] == "EC":
        r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        parsed = public_key(jwk)[1]
        assert isinstance(parsed, ec.EllipticCurvePublicKey)
        parsed.verify(encode_dss_signature(r, s), data, ec.ECDSA(SHA256()))
    elif jwk["kty"] == "OKP":
        Ed25519PublicKey.from_public_bytes(decode(jwk["x"])).verify(signature, data)
    else:
        MLDSA44PublicKey.from_public_bytes(decode(jwk["pub"])).verify(signature, data)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_key_signs_before_and_after_its_rest(purpose: Purpose, town: str, vault: Vault) -> None:
    """>> generate, sign, export, load, sign << same kid, both signatures good, ES256 in 64 bytes."""
    key = SoftwareKey.generate(purpose, town)
    good(key, b"one", key.sign(b"one"))
    sealed = key.export(vault, "musterstadt")
    again = SoftwareKey.load(vault, "musterstadt", key.record(), sealed)
    assert (again.kid, again.alg, again.public_jwk) == (key.kid, ALGORITHMS[purpose], key.public_jwk)
    good(key, b"two", again.sign(b"two"))
    if key.alg == "ES256":
        assert {len(key.sign(bytes([n]))) for n in range(200)} == {64}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_kid_is_the_did_and_the_thumbprint(purpose: Purpose, town: str) -> None:
    """The fragment is the RFC 7638 thumbprint and stands in the JWK as its kid."""
    key = SoftwareKey.generate(purpose, town)
    assert key.kid == f"{town}#{thumbprint(key.public_jwk)}"
    assert key.public_jwk["kid"] == thumbprint(key.public_jwk)
    assert not {"d", "priv"} & key.public_jwk.keys()


def test_the_thumbprint_of_the_rfc() -> None:
    """RFC 8037, appendix A.3."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "use": "sig"}
    assert thumbprint(jwk) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.threat("T18")
def test_a_sealed_key_opens_only_for_its_participant_and_kid(town: str, vault: Vault) -> None:
    """>> another participant, another kid, another master key, a flipped bit << no key."""
    key, other = SoftwareKey.generate("peer", town), SoftwareKey.generate("peer", town)
    sealed = key.export(vault, "musterstadt")
    flipped = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for opener, participant, record, body in (
        (vault, "nachbardorf", key.record(), sealed),
        (vault, "musterstadt", other.record(), sealed),
        (Vault(bytes(32)), "musterstadt", key.record(), sealed),
        (vault, "musterstadt", key.record(), flipped),
        (vault, "musterstadt", key.record(), b""),
        (vault, "musterstadt", key.record(), b"\x02" + sealed[1:]),
    ):
        with pytest.raises(Defect):
            SoftwareKey.load(opener, participant, record, body)


@pytest.mark.threat("T27")
def test_secrets_do_not_print(town: str, vault: Vault) -> None:
    """repr, str, format and pickle of keys, vaults and secrets show nothing."""
    secret = Secret("hanse_canary")
    assert secret.reveal() == "hanse_canary"
    assert "canary" not in f"{secret!r}{secret}{[secret]}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    key = SoftwareKey.generate("peer", town)
    private = json.loads(vault.open(f"m|{key.kid}", key.export(vault, "m")))["d"]
    assert private not in f"{key!r}{key}{vars(key)}"
    assert bytes(range(32)).hex() not in f"{vault!r}{vars(vault)!r}"
    assert "\\x01\\x02\\x03" not in f"{vars(vault)!r}"


@pytest.mark.threat("T25")
def test_secrets_are_compared_by_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a candidate << compared as SHA-256 digests by `hmac.compare_digest`, whatever its length."""
    compared: list[tuple[int, int]] = []

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr("connector.identity.trust.keys.vault.hmac.compare_digest", watched)
    secret = Secret("hanse_canary")
    assert secret.matches("hanse_canary")
    assert not secret.matches("hanse")
    assert not secret.matches("")
    assert compared == [(32, 32)] * 3


def test_sealing_twice_differs_and_derived_keys_differ_by_context(vault: Vault) -> None:
    """Fresh nonces; derived keys are stable per context and master key."""
    assert vault.seal("c", b"x") != vault.seal("c", b"x")
    assert vault.derive("a") == Vault(bytes(range(32))).derive("a") != vault.derive("b")
    assert vault.derive("a") != Vault(bytes(32)).derive("a")


@pytest.mark.parametrize("now", STATES)
@pytest.mark.parametrize("wanted", STATES)
def test_every_step_of_a_keys_life(now: State, wanted: State, peer_key: SoftwareKey) -> None:
    """pending, active, verify-only, removed: forward only, all sixteen pairs."""
    record = peer_key.record(now)
    if wanted in STEPS[now]:
        assert STATES.index(wanted) > STATES.index(now)
        assert step(record, wanted).state == wanted
    else:
        with pytest.raises(Mistake):
            step(record, wanted)


def test_exactly_one_key_is_active(peer_key: SoftwareKey, town: str) -> None:
    """None or two are our defect."""
    second = SoftwareKey.generate("peer", town)
    assert active([peer_key.record(), second.record("pending")], "peer").kid == peer_key.kid
    for records in ([], [peer_key.record("verify-only")], [peer_key.record(), second.record()]):
        with pytest.raises(Defect):
            active(records, "peer")


def test_the_master_key_file(tmp_path: Path) -> None:
    """Made once with mode 0600, refused when others may read it or when it is no key."""
    path = tmp_path / "master.key"
    master = master_file(path)
    assert len(master) == 32
    assert master_file(path) == master
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(Mistake, match="master-open"):
        master_file(path)
    for text in ("", "00" * 31, "zz" * 32, "00" * 33):
        with pytest.raises(Mistake):
            parse_master(text)
    with pytest.raises(Mistake):
        Vault(b"short")


BASE = {"kty": "EC", "crv": "P-256"}


def jwk_of(curve: ec.EllipticCurve, name: str, size: int) -> dict[str, object]:
    point = ec.generate_private_key(curve).public_key().public_numbers()
    return {
        "kty": "EC",
        "crv": name,
        "x": encode(point.x.to_bytes(size, "big")),
        "y": encode(point.y.to_bytes(size, "big")),
    }


GOOD = jwk_of(ec.SECP256R1(), "P-256", 32)
P384 = jwk_of(ec.SECP384R1(), "P-384", 48)
OFF_CURVE = {**GOOD, "x": encode(b"\1" * 32)}
BAD_KEYS: dict[str, dict[str, object]] = {
    "private": {**GOOD, "d": encode(b"\1" * 32)},
    "private, odd type": {**GOOD, "d": 5},
    "symmetric": {"kty": "oct", "k": encode(b"\1" * 32)},
    "off the curve": OFF_CURVE,
    "alg of another curve": {**GOOD, "alg": "ES384"},
    "alg none": {**GOOD, "alg": "none"},
    "alg HS256": {**GOOD, "alg": "HS256"},
    "for encryption": {**GOOD, "use": "enc"},
    "curve name swapped": {**P384, "crv": "P-256"},
    "unknown curve": {**jwk_of(ec.SECP256K1(), "secp256k1", 32)},
    "short coordinate": {**GOOD, "x": encode(b"\1" * 31)},
    "long coordinate": {**GOOD, "x": encode(b"\0" + decode(str(GOOD["x"])))},
    "padded": {**GOOD, "x": str(GOOD["x"]) + "="},
    "standard base64": {**GOOD, "x": "+/" + str(GOOD["x"])[2:]},
    "stray bits": {**GOOD, "x": str(GOOD["x"])[:-1] + "_"},
    "missing y": {name: value for name, value in GOOD.items() if name != "y"},
    "numbers": {**GOOD, "x": 1},
    "no kty": {"crv": "P-256"},
    "empty": {},
    "Ed448": {"kty": "OKP", "crv": "Ed448", "x": encode(b"\1" * 57)},
    "X25519": {"kty": "OKP", "crv": "X25519", "x": encode(b"\1" * 32)},
    "short Ed25519": {"kty": "OKP", "crv": "Ed25519", "x": encode(b"\1" * 31)},
    "RSA 1024": {"kty": "RSA", "e": "AQAB", "n": encode(b"\xc1" + b"\1" * 127)},
    "RSA huge": {"kty": "RSA", "e": "AQAB", "n": encode(b"\xc1" + b"\1" * 4000)},
    "ML-DSA as a token key": {"kty": "AKP", "alg": "ML-DSA-44", "pub": encode(b"\1" * 1312)},
}


@pytest.mark.threat("T06")
@pytest.mark.parametrize("name", BAD_KEYS)
def test_bad_jwks_are_refused(name: str) -> None:
    """>> private, weak, foreign, crooked << `PeerError`."""
    with pytest.raises(PeerError):
        public_key(BAD_KEYS[name])


def test_good_jwks_decide_their_algorithm() -> None:
    """P-256, P-384, Ed25519 (under both names) and RSA of 2048 bits."""
    ed = SoftwareKey.generate("log", "did:web:a.de").public_jwk
    assert public_key(GOOD)[0] == "ES256"
    assert public_key(P384)[0] == "ES384"
    assert public_key(ed)[0] == public_key({**ed, "alg": "EdDSA"})[0] == "EdDSA"
    assert public_key({"kty": "RSA", "e": "AQAB", "n": encode(b"\xc1" + b"\1" * 255)})[0] == "PS256"


def test_base64url_has_one_spelling() -> None:
    """>> every text of up to three signs of a sample << taken exactly if encoding gives it back; nothing else is."""
    signs = "AQgwEIBz09-_+/= ä"
    for text in ("".join(some) for size in range(4) for some in product(signs, repeat=size)):
        try:
            octets = decode(text)
        except ValueError:
            continue
        assert encode(octets) == text
    for octets in (bytes(some) for size in range(3) for some in product(range(0, 256, 3), repeat=size)):
        assert decode(encode(octets)) == octets


@pytest.mark.threat("T112")
def test_bug_keys_of_any_length_were_kept() -> None:
    """>> the same key with a note of 60,000 signs, and with a list; a usual one << all are read, what is long is not
    kept, and whoever brings a list is."""
    jwks._kept.cache_clear()
    for odd in ({"note": "x" * 60_000}, {"y" * 60_000: "x"}):
        for more in ({}, {"key_ops": ["verify"]}):
            assert public_key({**GOOD, **odd, **more})[0] == "ES256"
    assert jwks._kept.cache_info().currsize == 0
    for more in ({}, {"key_ops": ["verify"]}):
        assert public_key({**GOOD, "kid": "k", **more})[0] == "ES256"
    assert jwks._kept.cache_info().currsize == 1
