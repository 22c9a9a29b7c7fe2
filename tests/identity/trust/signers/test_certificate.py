"""A certificate chain that could never become a good seal is refused when it is brought (spec/contracts.md 2.4)."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from connector.foundation.clock import SystemClock
from connector.foundation.errors import Mistake
from connector.identity.trust.signers import certificate
from tests.identity.trust.signers.keepers import ALGS, KEYS, authority, made, pem

CA = authority()
NOW = SystemClock().now()


@pytest.mark.parametrize("alg", ALGS)
def test_a_fitting_chain_decides_the_algorithm(alg: str) -> None:
    text = "Bag Attributes\n" + CA.chain(KEYS[alg])
    found = certificate.read(text, NOW)
    assert (found.alg, found.public) == (alg, KEYS[alg].public_key())
    assert found.pem.count("BEGIN CERTIFICATE") == 2
    assert "Bag Attributes" not in found.pem


ES256 = KEYS["ES256"]
BAD = {
    "nothing": ("", "PEM"),
    "no PEM": ("hello", "PEM"),
    "not ASCII": ("ä", "PEM"),
    "cut": (CA.chain(ES256)[:300], "PEM"),
    "huge": (CA.chain(ES256) + " " * 40_000, "size"),
    "too long": (CA.chain(ES256) + pem(CA.ca) * 4, "length"),
    "expired": (CA.chain(ES256, days=(-9, -1)), "validity"),
    "not yet": (CA.chain(ES256, days=(1, 9)), "validity"),
    "not for signing": (CA.chain(ES256, sign=False), "keyUsage"),
    "a CA itself": (CA.chain(ES256, ca=True), "keyUsage"),
    "another order": (pem(CA.ca) + CA.chain(ES256), "keyUsage"),
    "foreign issuer": (
        CA.chain(ES256).partition("-----END CERTIFICATE-----\n")[0]
        + "-----END CERTIFICATE-----\n"
        + pem(authority().ca),
        "issuer",
    ),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_is_wrong_is_named(bad: str) -> None:
    text, why = BAD[bad]
    with pytest.raises(Mistake, match=r"signers\.certificate") as found:
        certificate.read(text, NOW)
    assert found.value.facts["why"] == why


def test_a_weak_key_is_refused() -> None:
    weak = rsa.generate_private_key(65537, 2048)
    with pytest.raises(Mistake, match=r"signers\.key-kind"):
        certificate.read(CA.chain(weak), NOW)
    assert certificate.read(CA.chain(made("ES256")), NOW).alg == "ES256"
