"""A keeper of a seal key is not believed: what it gives is a signature of the certificate's key, or nothing (T48)."""

from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from connector.foundation.errors import Mistake, PeerError, Unavailable
from connector.identity.trust.keys.jwk import public_key
from connector.identity.trust.keys.signing import SoftwareKey
from connector.identity.trust.signers import registry
from connector.identity.trust.signers.port import Asked, KeptKey, Place, jwk_of, scheme_of
from connector.verify.formats import algorithms
from tests.identity.trust.signers.keepers import ALGS, KEYS, digest_signature, kept

PLACE = Place(signer="vault", key="siegel")
DATA = b"header."
pytestmark = pytest.mark.threat("T48")


class Box:
    """A keeper that gives what it is told to."""

    def __init__(self, alg: str, bend: str = "") -> None:
        self.alg, self.bend = alg, bend

    async def sign(self, asked: Asked) -> Sequence[bytes]:
        good = digest_signature(KEYS[self.alg], asked.digest)
        match self.bend:
            case "raw":
                half = 32 if self.alg == "ES256" else 48
                return [b"".join(number.to_bytes(half, "big") for number in decode_dss_signature(good))]
            case "flipped":
                return [good[:-1] + bytes([good[-1] ^ 1])]
            case "other data":
                return [digest_signature(KEYS[self.alg], bytes(len(asked.digest)))]
            case "empty":
                return [b""]
            case "none":
                return []
            case "huge number":
                return [bytes.fromhex("3045024100") + b"\x7f" * 64 + bytes.fromhex("020101")]
            case "bad answer":
                raise PeerError("http.answer-size", limit=1)
        return [good]


@pytest.mark.parametrize("alg", ALGS)
async def test_a_good_signature_has_the_form_of_jws(alg: str) -> None:
    """DER or R||S from the keeper, R||S for the seal; the verifier of bundles agrees."""
    key = kept(alg, PLACE, Box(alg).sign)
    raw = await key.seal(DATA)
    public = KEYS[alg].public_key()
    assert key.alg == alg == algorithms.of_key(public)
    assert len(raw) == algorithms.length(public)
    assert algorithms.verifies(public, raw, DATA)
    if alg != "PS256":
        assert algorithms.verifies(public, await kept(alg, PLACE, Box(alg, "raw").sign).seal(DATA), DATA)


@pytest.mark.parametrize("alg", ALGS)
@pytest.mark.parametrize("bend", ["flipped", "other data", "empty", "none", "huge number"])
async def test_a_signature_of_another_key_or_data_is_never_used(alg: str, bend: str) -> None:
    with pytest.raises(Unavailable, match=r"signers\.wrong-signature"):
        await kept(alg, PLACE, Box(alg, bend).sign).seal(DATA)


async def test_a_signature_of_the_wrong_key_is_never_used() -> None:
    """>> the keeper signs with a key that is not the certificate's <<"""
    other = KeptKey(
        "did:web:a.example#x", ec.generate_private_key(ec.SECP256R1()).public_key(), PLACE, Box("ES256").sign, 5.0
    )
    with pytest.raises(Unavailable, match=r"signers\.wrong-signature"):
        await other.seal(DATA)


async def test_a_bad_answer_is_for_now_and_not_for_ever() -> None:
    """A PeerError would end the negotiation as if the partner had done it."""
    with pytest.raises(Unavailable, match=r"signers\.answer") as found:
        await kept("ES256", PLACE, Box("ES256", "bad answer").sign).seal(DATA)
    assert found.value.facts["why"] == "http.answer-size"


@pytest.mark.parametrize(
    "private",
    [
        lambda: ec.generate_private_key(ec.SECP521R1()),
        lambda: ec.generate_private_key(ec.SECP256K1()),
        lambda: rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-521", "secp256k1", "RSA 2048"],
)
def test_a_key_that_no_verifier_accepts_cannot_seal(private: object) -> None:
    public = private().public_key()  # type: ignore[operator]
    assert algorithms.of_key(public) is None
    with pytest.raises(Mistake, match=r"signers\.key-kind"):
        scheme_of(public)


@pytest.mark.parametrize("alg", ALGS)
def test_the_did_document_can_name_the_key(alg: str) -> None:
    """The JWK reads back as the same key, and bundles' verifier finds it equal."""
    public = KEYS[alg].public_key()
    jwk = jwk_of(public)
    assert public_key(jwk) == (alg, public)
    assert algorithms.same_key(public, jwk)


async def test_a_software_key_is_a_seal_key_too() -> None:
    key = SoftwareKey.generate("seal", "did:web:a.example")
    assert algorithms.verifies(key.public_key(), await key.seal(DATA), DATA)


@pytest.mark.parametrize(
    "place",
    [
        Place(signer="csc", key=""),
        Place(signer="csc", key="a\nb"),
        Place(signer="csc", key="x" * 257),
        Place(signer="pkcs11", key="siegel"),
        Place(signer="vault", key="../../sys/seal"),
        Place(signer="vault", key="a/b"),
        Place(signer="vault", key="a?x=1"),
        Place(signer="vault", key="siegel@0"),
    ],
    ids=str,
)
def test_an_impossible_name_is_a_mistake(place: Place) -> None:
    with pytest.raises(Mistake, match=r"signers\.place"):
        registry.checked(place)


def test_a_place_comes_back_from_its_row_and_a_private_key_is_none() -> None:
    place = Place(signer="pkcs11", key="siegel", token="stadt")
    assert registry.place_of(registry.written(registry.checked(place))) == place
    assert registry.place_of(b'{"kty":"EC","d":"x"}') is None
