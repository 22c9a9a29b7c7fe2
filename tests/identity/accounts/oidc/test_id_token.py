"""ID tokens that are not for this sign-in: each check alone is what stands between a stranger and a session."""

from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from connector.foundation.errors import Unauthenticated
from connector.identity.accounts.oidc import id_token
from connector.identity.accounts.oidc.id_token import ExpectedToken, at_hash
from tests.identity.accounts.oidc.issuer import KEY, OTHER, jwk, signed

NOW = 1_800_000_000
ISSUER = "https://login.example/realms/town"
EXPECTED = ExpectedToken(issuer=ISSUER, client="hanse", nonce="n" * 43, access_token="an-access-token")
GOOD: dict[str, Any] = {
    "iss": ISSUER,
    "sub": "4711",
    "aud": "hanse",
    "exp": NOW + 300,
    "iat": NOW,
    "nonce": "n" * 43,
    "at_hash": at_hash("RS256", "an-access-token"),
}
KEYS = [jwk(KEY, "one")]
pytestmark = pytest.mark.threat("T88")


def why(token: str, keys: list[dict[str, Any]] | None = None, expected: ExpectedToken = EXPECTED) -> str:
    """What is wrong with it; empty: nothing."""
    try:
        id_token.claims(token, KEYS if keys is None else keys, expected, NOW)
    except Unauthenticated as error:
        return str(error.facts["why"])
    return ""


def test_a_true_one() -> None:
    """>> as it should be; with several audiences and the client as party; without what is optional << its claims."""
    assert id_token.claims(signed(GOOD), KEYS, EXPECTED, NOW)["sub"] == "4711"
    assert why(signed({**GOOD, "aud": ["hanse", "other"], "azp": "hanse"})) == ""
    assert why(signed({name: value for name, value in GOOD.items() if name != "at_hash"})) == ""
    assert why(signed({**GOOD, "exp": NOW - 59, "iat": NOW + 59.5})) == ""


@pytest.mark.parametrize(
    ("bent", "said"),
    [
        ({"iss": ISSUER + "/"}, "iss"),
        ({"iss": "https://login.example/realms/other"}, "iss"),
        ({"iss": None}, "iss"),
        ({"sub": ""}, "sub"),
        ({"sub": 4711}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"aud": "other"}, "aud"),
        ({"aud": ["other"]}, "aud"),
        ({"aud": {"hanse": 1}}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": ["hanse", "other"]}, "azp"),
        ({"azp": "other"}, "azp"),
        ({"exp": NOW - 60}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": "9999999999"}, "exp"),
        ({"exp": True}, "exp"),
        ({"iat": NOW - 601}, "iat"),
        ({"iat": NOW + 61}, "iat"),
        ({"iat": None}, "iat"),
        ({"nbf": NOW + 61}, "nbf"),
        ({"nonce": "m" * 43}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": ["n" * 43]}, "nonce"),
        ({"at_hash": at_hash("RS256", "another")}, "at_hash"),
    ],
    ids=str,
)
def test_a_claim_that_is_wrong(bent: dict[str, Any], said: str) -> None:
    claims = {name: value for name, value in {**GOOD, **bent}.items() if value is not None}
    assert why(signed(claims)) == said


def unsigned(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, None, algorithm="none", headers={"kid": "one"})


def test_a_signature_that_is_none() -> None:
    """>> none, a shared secret made of the public key, another key of the same name, a bent byte << refused."""
    public = urlsafe_b64encode(KEYS[0]["n"].encode() * 2)
    token = signed(GOOD)
    head, body, seal = token.split(".")
    assert why(unsigned(GOOD)) == "alg"
    assert why(jwt.encode(GOOD, public, algorithm="HS256", headers={"kid": "one"})) == "alg"
    assert why(signed(GOOD, OTHER)) == "signature"
    assert why(f"{head}.{body}.{seal[:-8]}AAAAAAAA") == "signature"
    assert why(f"{head}.{body}.") == "signature"
    for broken in ("", "x", "a.b", "....", "ä.b.c", "x" * 20_000, f"{head}.{body}"):
        assert why(broken) in ("form", "size", "signature")


def test_keys_come_from_the_provider_alone() -> None:
    """>> a key in the header, an address of keys, an unknown critical header, a key for something else << refused."""
    own = {"jwk": jwk(OTHER, "one")}
    assert why(signed(GOOD, OTHER, **own)) == "signature"
    assert why(signed(GOOD, OTHER, jku="https://evil.example/jwks")) == "signature"
    assert why(signed(GOOD, crit=["x"], x=1)) in ("crit", "form")
    assert why(signed(GOOD), [{**KEYS[0], "use": "enc"}]) == "key"
    assert why(signed(GOOD), [{**KEYS[0], "alg": "PS256"}]) == "key"
    assert why(signed(GOOD, kid="two")) == "key"
    assert why(signed(GOOD), []) == "key"
    assert not id_token.knows(signed(GOOD, kid="two"), KEYS)
    assert id_token.knows(signed(GOOD), KEYS)


def test_without_a_name_only_the_one_key() -> None:
    """>> no `kid`, with one key and with two << taken, refused."""
    bare = jwt.encode(GOOD, KEY, algorithm="RS256")
    assert why(bare) == ""
    assert why(bare, [*KEYS, jwk(OTHER, "two")]) == "key"


def test_algorithms_and_the_keys_they_need() -> None:
    """>> ES256, EdDSA, PS256 << taken; a short RSA key, a key of another type under the same name << refused."""
    curve, edwards = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    for key, alg, made in (
        (curve, "ES256", ECAlgorithm.to_jwk(curve.public_key(), as_dict=True)),
        (edwards, "EdDSA", OKPAlgorithm.to_jwk(edwards.public_key(), as_dict=True)),
        (KEY, "PS256", {name: value for name, value in KEYS[0].items() if name != "alg"}),
    ):
        claims = {**GOOD, "at_hash": at_hash(alg, "an-access-token")}
        named = {**made, "kid": "one"}
        assert why(signed(claims, key, alg), [named]) == "", alg
        assert why(signed(claims, OTHER), [named]) in ("key", "signature"), alg
    short = rsa.generate_private_key(65537, 1024)
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        assert why(signed(GOOD, short), [jwk(short, "one")]) == "signature"


def test_what_is_no_object() -> None:
    """>> a list, a text, twice the same name, endless depth as claims << refused."""
    for payload in (b"[]", b'"x"', b'{"iss":1,"iss":2}', b"[" * 5000, b"\xff", b""):
        token = jwt.PyJWS().encode(payload, KEY, algorithm="RS256", headers={"kid": "one"})
        assert why(token) == "form", payload[:20]
