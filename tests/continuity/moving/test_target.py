"""The address of a move: one line, of one piece, with a fingerprint over all of it."""

import msgspec
import pytest

from connector.continuity.moving import target
from connector.foundation.errors import Mistake
from connector.identity.trust.keys.jwk import encode

ROOT, DID = "https://neu.example/musterstadt", "did:web:neu.example:musterstadt"


def test_what_is_written_is_read() -> None:
    """>> an address, also broken over lines as mail does << the same; another move has another fingerprint."""
    made, secrets = target.generated(DID, ROOT)
    text = made.text
    assert target.parse(text) == made
    assert target.parse("\n ".join([text[:40], text[40:90], text[90:]])).fingerprint == made.fingerprint
    other, _ = target.generated(DID, ROOT)
    assert other.fingerprint != made.fingerprint
    assert [len(group) for group in made.fingerprint.split(" ")] == [4] * 8
    assert secrets.archive not in text


@pytest.mark.threat("T109")
def test_what_is_bent_is_none() -> None:
    """>> another DID than the root's, a private key, another curve, more than there is << no address."""
    made, _ = target.generated(DID, ROOT)
    plain = msgspec.to_builtins(made)
    bent = [
        {**plain, "did": "did:web:other.example"},
        {**plain, "root": "http://neu.example/musterstadt"},
        {**plain, "root": ROOT + "/"},
        {**plain, "archive": {**plain["archive"], "d": "AA"}},
        {**plain, "archive": {**plain["archive"], "crv": "P-384"}},
        {**plain, "receipt": {"kty": "OKP", "crv": "Ed25519", "x": encode(bytes(32))}},
        {**plain, "more": 1},
        {**plain, "move": "../../x"},
    ]
    texts = [target.PREFIX + encode(msgspec.json.encode(one, order="sorted")) for one in bent]
    for text in (*texts, made.text + "A", made.text[:-8], "hanse-move-2." + made.text[13:], "", "x" * 10_000):
        with pytest.raises(Mistake) as refused:
            target.parse(text)
        assert refused.value.code == "moving.target"
