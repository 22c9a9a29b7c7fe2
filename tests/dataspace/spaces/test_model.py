"""How the key of an authority is shown to people who compare it."""

import pytest

from connector.dataspace.spaces.model import fingerprint, same_fingerprint
from connector.identity.trust.keys.signing import SoftwareKey


@pytest.mark.threat("T104")
def test_a_fingerprint_is_compared_whole() -> None:
    key = SoftwareKey.generate("peer", "")
    urn = f"urn:ietf:params:oauth:jwk-thumbprint:sha-256:{key.public_jwk['kid']}"
    shown = fingerprint(urn)
    assert len(shown.replace(" ", "")) == 32
    assert same_fingerprint(shown, urn)
    assert same_fingerprint(shown.upper().replace(" ", ""), urn)
    for wrong in ("", shown[:-1], shown[:-1] + ("0" if shown[-1] != "0" else "1")):
        assert not same_fingerprint(wrong, urn)
