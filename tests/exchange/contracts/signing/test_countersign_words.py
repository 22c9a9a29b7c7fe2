"""A seal brings a header and certificates, and whoever countersigns signs over both: no word of a partner's is in them
that nobody is shown (threat T65)."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from connector.exchange.contracts.document import sealing
from connector.foundation.clock import FakeClock, instant
from connector.verify.formats import base64url, chain
from tests.exchange.contracts.lying import CONSUMER, PRICE, PROVIDER
from tests.fuzz.effort import one_in
from tests.testkit.towns import Towns

pytestmark = pytest.mark.threat("T65")
Header = dict[str, Any]


def certified(
    subject: object, key: ec.EllipticCurvePrivateKey, issuer: object, issuing: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    """A certificate of that name."""
    day = instant(FakeClock().now())
    mine, theirs = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(one))]) for one in (subject, issuer))
    made = x509.CertificateBuilder().subject_name(mine).issuer_name(theirs).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(day).not_valid_after(day.replace(year=day.year + 20))
    return made.sign(issuing, SHA256())


def stranger() -> str:
    """A certificate that somebody made for themselves, as `x5c` holds it."""
    key = ec.generate_private_key(ec.SECP256R1())
    return base64url.encode_padded(certified(PRICE, key, PRICE, key).public_bytes(Encoding.DER))


WORDS: dict[str, Callable[[Header], Header]] = {
    "a commitment": lambda head: {**head, "srCms": [{"commId": {"id": "urn:x", "desc": PRICE}}]},
    "an attribute": lambda head: {**head, "srAts": [{"claimed": [PRICE]}]},
    "a policy": lambda head: {**head, "sigPId": {"id": "urn:x", "desc": PRICE}},
    "a certificate": lambda head: {**head, "x5c": [*head["x5c"], stranger()]},
    "the key's name": lambda head: {**head, "kid": f"{head['kid'].partition('#')[0]}#{PRICE}"},
}


def wordy(towns: Towns, monkeypatch: pytest.MonkeyPatch, slug: str, change: Callable[[Header], Header]) -> None:
    """What this town seals says that, too; its DID document names the key so."""
    make, did = sealing._head, towns.did(slug)

    def head(references: Any, alg: str, kid: str, *rest: Any) -> str:
        made = make(references, alg, kid, *rest)
        if not kid.startswith(f"{did}#"):
            return made
        return base64url.encode(json.dumps(change(json.loads(base64url.decode(made)))).encode())

    def show(asked: str, document: Mapping[str, Any]) -> Mapping[str, object]:
        if asked != did or change is not WORDS["the key's name"]:
            return document
        other: Mapping[str, object] = json.loads(
            json.dumps(document).replace(document["assertionMethod"][0], f"{did}#{PRICE}")
        )
        return other

    monkeypatch.setattr(sealing, "_head", head)
    towns.wire.show = show


@pytest.mark.parametrize("change", WORDS.values(), ids=WORDS)
async def test_bug_words_in_the_providers_seal_were_countersigned_unread(
    towns: Towns, monkeypatch: pytest.MonkeyPatch, change: Callable[[Header], Header]
) -> None:
    """<< a good seal over our own text, and a price in its header >> nothing is sealed: TERMINATED."""
    wordy(towns, monkeypatch, PROVIDER, change)
    asked = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
    await towns.run()
    case = await towns.case(CONSUMER, asked.id)
    assert (case.shown, (await towns.agreement(CONSUMER, case.agreement)).consumer_jws) == ("TERMINATED", None)
    assert "seal-form" in str(case.reason)


@pytest.mark.parametrize("change", one_in(2, WORDS.values()), ids=WORDS)
async def test_words_in_the_consumers_seal_make_it_none(
    towns: Towns, monkeypatch: pytest.MonkeyPatch, change: Callable[[Header], Header]
) -> None:
    """>> a countersignature with a condition in its header << it counts as missing."""
    wordy(towns, monkeypatch, CONSUMER, change)
    agreement = await towns.concluded(CONSUMER, PROVIDER, countersignature="preferred")
    theirs = await towns.agreement(PROVIDER, agreement.id)
    assert (theirs.state, theirs.consumer_jws) == ("one-sided", None)


def test_a_chain_is_one_path_in_any_order() -> None:
    """A leaf, two authorities, their root: with the root or without; never with a certificate that leads nowhere."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(4)]
    root, upper, lower, leaf = (certified(at, keys[at], max(at - 1, 0), keys[max(at - 1, 0)]) for at in range(4))
    other = certified(9, keys[3], 9, keys[3])
    by_leaf = certified(9, keys[3], 3, keys[3])
    for good in ([leaf, lower, upper], [leaf, upper, lower], [leaf, lower, upper, root]):
        assert chain.is_plain(good, [root])
    for bad in ([leaf, lower], [leaf, lower, upper, other], [leaf, lower, by_leaf, upper], [other]):
        assert not chain.is_plain(bad, [root])
    assert not chain.is_plain([leaf, lower, upper], [])
