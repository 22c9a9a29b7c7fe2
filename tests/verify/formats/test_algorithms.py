"""Seal levels: which algorithm counts with which certificate, and that nobody can swap one for another."""

import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connector.exchange.contracts.document import sealing
from connector.verify.bundle import verify_bundle
from connector.verify.formats import algorithms, base64url, jades, key_binding
from connector.verify.formats.faults import Fault
from connector.verify.report import Report
from tests.verify.forge import NOW, PROVIDER, Case, Private, SealCa, SealKey, signature
from tests.verify.judge import PASSED, changed, named, verdicts

CA = SealCa()
KEYS: dict[str, Private] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "PS256": rsa.generate_private_key(65537, 3072),
}
OBJECTS = {"urn:uuid:1": b"{}"}
QUALIFIED = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3"), bytes.fromhex("3014" + "3008060604008e460101" + "3008060604008e460104")
)


def sealed_with(alg: str, *, listed: bool, **made: Any) -> jades.Seal:
    """A seal by a key of that algorithm, its certificate listed or not, through the judgement of one seal."""
    key = SealKey(PROVIDER, CA, key=KEYS[alg], **made)
    token = sealing.sign([sealing.Reference("urn:uuid:1", b"{}", "application/json")], key, key.chain, NOW)
    names = [key.fingerprint] if listed else []
    return jades.check(token, OBJECTS, did=PROVIDER, document=key.document(), roots=[CA.certificate], listed=names)


@pytest.mark.parametrize("alg", list(KEYS))
def test_each_algorithm_holds_with_a_listed_certificate(alg: str) -> None:
    """At L2 and L3 the key of the certificate decides."""
    assert sealed_with(alg, listed=True, uris=[]).alg == alg


@pytest.mark.parametrize("alg", ["ES384", "PS256"])
def test_without_the_list_only_es256_counts(alg: str) -> None:
    """The certificate carries the DID, as at L1, but the algorithm is one of L2: refused."""
    with pytest.raises(Fault, match="seal-algorithm"):
        sealed_with(alg, listed=False)
    assert sealed_with("ES256", listed=False).alg == "ES256"


def test_the_level_is_what_certificate_and_list_say() -> None:
    """L1 by the DID in it, L2 by the list, L3 by the list for a qualified certificate with a qualified device."""

    def level(*, listed: bool, **made: Any) -> str:
        key = SealKey(PROVIDER, CA, **made)
        names = [key.fingerprint] if listed else []
        return key_binding.check(key.certificate, key.kid, did=PROVIDER, document=key.document(), listed=names)

    assert level(listed=False) == "L1"
    assert level(listed=True, uris=[]) == level(listed=True) == "L2"
    assert level(listed=True, uris=[], more=[QUALIFIED]) == "L3"
    assert level(listed=False, more=[QUALIFIED]) == "L1", "what a certificate says of itself raises no level"


@pytest.mark.threat("T54")
@pytest.mark.parametrize("alg", list(KEYS))
@pytest.mark.parametrize(
    "other", ["none", "HS256", "HS384", "RS256", "PS384", "PS512", "ES512", "ES256K", "EdDSA", "ML-DSA-44", "", None, 1]
)
def test_the_header_chooses_nothing(alg: str, other: object) -> None:
    """Whatever a seal calls its algorithm, it is the one of the certificate's key or none."""
    assert refused(alg, lambda header: header.__setitem__("alg", other)).facts == {"what": "alg"}


@pytest.mark.threat("T54")
@pytest.mark.parametrize("alg", list(KEYS))
def test_the_three_are_not_swapped_for_each_other(alg: str) -> None:
    """ES256 says ES384, and so on: the curve is wrong for it."""
    for other in set(KEYS) - {alg}:
        assert refused(alg, lambda header, name=other: header.__setitem__("alg", name)).facts == {"what": "alg"}


@pytest.mark.threat("T54")
@pytest.mark.parametrize("alg", list(KEYS))
def test_the_public_key_is_no_secret_to_sign_with(alg: str) -> None:
    """The old trick: HS256 with the certificate's public key as the secret."""
    key = SealKey(PROVIDER, CA, key=KEYS[alg])
    secret = key.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def mac(data: bytes) -> bytes:
        return hmac.digest(secret, data, "sha256")

    for called in ("HS256", alg):
        fault = refused(alg, lambda header, name=called: header.__setitem__("alg", name), sign=mac)
        assert fault.facts == {"what": "alg" if called == "HS256" else "signature"}


def test_a_signature_by_the_other_padding_is_refused() -> None:
    """RS256 under the name of PS256: the form is right, the signature is not."""
    key = KEYS["PS256"]
    assert isinstance(key, rsa.RSAPrivateKey)
    fault = refused("PS256", lambda _: None, sign=lambda data: key.sign(data, padding.PKCS1v15(), SHA256()))
    assert fault.code == "seal-signature"


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256K1()),
        ec.generate_private_key(ec.SECP521R1()),
        ec.generate_private_key(ec.SECP224R1()),
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["secp256k1", "P-521", "P-224", "RSA-2048", "Ed25519"],
)
def test_other_keys_cannot_seal(key: Any) -> None:
    """Wrong curves, a short modulus, and what is for logs only: there is no algorithm for them."""
    assert algorithms.of_key(key.public_key()) is None
    assert not algorithms.same_key(key.public_key(), {"kty": "EC", "crv": "P-256"})


@pytest.mark.parametrize("alg", list(KEYS))
def test_the_did_document_must_spell_the_same_key(alg: str) -> None:
    """Another key of the same kind, a key of another kind, a member missing."""
    key = KEYS[alg].public_key()
    spelled = SealKey(PROVIDER, CA, key=KEYS[alg]).document()["verificationMethod"][0]["publicKeyJwk"]  # type: ignore[index]
    assert algorithms.same_key(key, spelled)
    for member in spelled:
        assert not algorithms.same_key(key, {name: value for name, value in spelled.items() if name != member})
        assert not algorithms.same_key(key, {**spelled, member: "AQAC"})


@pytest.mark.parametrize("alg", list(KEYS))
def test_a_whole_bundle_at_level_two(alg: str) -> None:
    """The report names the level; without a word on revocation it cannot judge, and says so."""
    report = judged(alg, {})
    assert verdicts(report)["provider-seal"] is PASSED
    assert report.stated["levels"] == {"provider": "L2", "consumer": "L1"}
    assert (named(report), report.doubts) == (None, ("revocation",))
    assert "(level L2)" in next(check.sentence for check in report.checks if check.name == "provider-seal")


@pytest.mark.parametrize(
    "period", [{"validUntil": "2020-01-01T00:00:00Z"}, {"validFrom": "2030-01-01T00:00:00Z", "validUntil": None}]
)
def test_a_listed_certificate_counts_only_in_its_period(period: dict[str, str]) -> None:
    """Former certificates stay listed with the time in which they were the party's."""
    assert named(judged("ES384", period)) == ("provider-seal", "certificate-period")
    assert named(judged("ES384", {"validFrom": "2020-01-01T00:00:00Z"})) is None


def test_a_list_with_an_unreadable_period_is_no_list() -> None:
    """Nothing is guessed: neither a time without zone nor words."""
    for text in ("2026-01-01T00:00:00", "soon", 7):
        assert named(judged("ES384", {"validUntil": text})) == ("trust-list", "trust-list-form")


def judged(alg: str, period: dict[str, Any]) -> Report:
    """The report on a bundle whose provider has a listed certificate for a key of this algorithm."""
    case = Case()
    case.provider = case.exporter = SealKey(PROVIDER, case.ca, key=KEYS[alg], uris=[])
    case.log = case.new_log(PROVIDER)
    case.parts = case.make()
    listed: object = {"sha256": case.provider.fingerprint, **period} if period else case.provider.fingerprint
    return verify_bundle(changed(case, trust_list=case.listed(seals={PROVIDER: [listed]})), case.roots, "en")


def refused(
    alg: str, change: Callable[[dict[str, Any]], object], *, sign: Callable[[bytes], bytes] | None = None
) -> Fault:
    """Why a seal with a changed header is refused, signed again by the same key or as `sign` does."""
    key = SealKey(PROVIDER, CA, key=KEYS[alg])
    token = sealing.sign([sealing.Reference("urn:uuid:1", b"{}", "application/json")], key, key.chain, NOW)
    header = json.loads(base64url.decode(token.split(".")[0]))
    change(header)
    head = base64url.encode(json.dumps(header).encode())
    made = (sign or (lambda data: signature(key.key, data)))(f"{head}.".encode())
    with pytest.raises(Fault) as caught:
        jades.check(
            f"{head}..{base64url.encode(made)}",
            OBJECTS,
            did=PROVIDER,
            document=key.document(),
            roots=[CA.certificate],
            listed=[key.fingerprint],
        )
    return caught.value
