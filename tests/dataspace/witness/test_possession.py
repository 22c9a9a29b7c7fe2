"""What the keys of a witness sign of themselves: whose they are, where, and nothing that could be used elsewhere."""

from typing import Any

import pytest

from connector.dataspace.witness.possession import message, proves
from connector.identity.trust.keys.jwk import encode, thumbprint
from connector.identity.trust.keys.signing import SoftwareKey, post_quantum
from connector.verify.formats.faults import Fault

SPACE, DID, URL = "https://kreis.de/space", "did:web:a.de", "https://a.de/witness"
KEY, OTHER = (SoftwareKey.generate("log", "w") for _ in range(2))


def public(key: SoftwareKey) -> dict[str, str]:
    return {name: text for name, text in key.public_jwk.items() if name in ("kty", "crv", "x", "alg", "pub")}


def signed(key: SoftwareKey, *said: str) -> str:
    return encode(key.sign(message(*said)))


@pytest.mark.threat("T149")
def test_a_key_says_itself_for_whom_it_is_listed() -> None:
    """>> its own signature << proven; for another space, member, address or key, by another key, or none << not."""
    name, jwk = thumbprint(KEY.public_jwk), public(KEY)
    good = signed(KEY, SPACE, DID, URL, name)
    assert proves(SPACE, DID, URL, jwk, good)
    assert not proves("https://b.de/space", DID, URL, jwk, good)
    assert not proves(SPACE, "did:web:b.de", URL, jwk, good)
    assert not proves(SPACE, DID, "https://b.de/witness", jwk, good)
    assert not proves(SPACE, DID, URL, public(OTHER), good)
    assert not proves(SPACE, DID, URL, jwk, signed(OTHER, SPACE, DID, URL, name))
    for none in ("", "!!", "AAAA", encode(bytes(64)), good + "A"):
        assert not proves(SPACE, DID, URL, jwk, none), none


@pytest.mark.threat("T149")
def test_no_line_break_moves_what_was_signed() -> None:
    """>> a member whose name ends with the address of another << nothing is proven."""
    name = thumbprint(KEY.public_jwk)
    good = signed(KEY, SPACE, DID, f"{URL}\nx", name)
    assert not proves(SPACE, f"{DID}\n{URL}", "x", public(KEY), good)
    assert not proves(SPACE, DID, f"{URL}\nx", public(KEY), good)


@pytest.mark.skipif(not post_quantum(), reason="this installation knows no ML-DSA")
def test_a_key_of_the_other_kind_too() -> None:
    key = SoftwareKey.generate("log-pq", "w")
    name = thumbprint(key.public_jwk)
    assert proves(SPACE, DID, URL, public(key), signed(key, SPACE, DID, URL, name))
    assert not proves(SPACE, DID, URL, public(key), signed(KEY, SPACE, DID, URL, name))


def test_another_kind_of_key_proves_nothing_and_a_false_one_is_a_fault() -> None:
    false: dict[str, Any] = {"kty": "OKP", "crv": "Ed25519", "x": "!!"}
    assert not proves(SPACE, DID, URL, {"kty": "EC", "crv": "P-256"}, "AAAA")
    with pytest.raises(Fault):
        proves(SPACE, DID, URL, false, "AAAA")
