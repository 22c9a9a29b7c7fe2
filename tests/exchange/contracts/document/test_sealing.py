"""What is signed, under which addresses, and in which order."""

from hashlib import sha256

import pytest
import rfc8785

from connector.exchange.contracts.document import sealing
from connector.foundation.errors import PeerError
from connector.verify.formats import jades
from tests.verify.forge import AGREEMENT, CONSUMER, NOW, PROVIDER, SealCa, SealKey, root_of

AGREED = {"@id": AGREEMENT, "@type": "Agreement", "assigner": PROVIDER, "assignee": CONSUMER, "permission": []}


def test_canonical_is_rfc_8785() -> None:
    """The bytes of an agreement are those of the reference implementation."""
    assert sealing.canonical(AGREED) == rfc8785.dumps(AGREED)


def test_what_cannot_be_signed_is_the_peers_mistake() -> None:
    """A fraction in an agreement: refused before anything is signed."""
    with pytest.raises(PeerError) as caught:
        sealing.canonical(AGREED | {"price": 1.5})
    assert caught.value.code == "contract.not-canonical"


def test_addresses_lie_below_the_roots() -> None:
    """Entries 2 to 4 and 6 below the provider's root, the approval below the signer's own."""
    body = {name: name.encode() for name in ("text", "profile", "dataset", "approval")}
    common = {"provider_root": root_of(PROVIDER), **body}
    provider = sealing.references(b"{}", AGREEMENT, signer_root=root_of(PROVIDER), **common)
    consumer = sealing.references(b"{}", AGREEMENT, signer_root=root_of(CONSUMER), provider_jws="a..b", **common)
    assert [one.cty for one in consumer] == [
        "application/json",
        "text/html",
        "application/json",
        "application/ld+json",
        "application/json",
        "application/jose",
    ]
    assert provider[:4] == consumer[:4]
    assert consumer == sealing.countersigned(
        provider,
        provider_root=root_of(PROVIDER),
        signer_root=root_of(CONSUMER),
        approval=b"approval",
        provider_jws="a..b",
    )
    assert provider[0].par == AGREEMENT
    assert provider[1].par == f"{root_of(PROVIDER)}/evidence/objects/{sha256(b'text').hexdigest()}"
    assert consumer[4].par == f"{root_of(CONSUMER)}/evidence/objects/{sha256(b'approval').hexdigest()}"
    assert consumer[5].par == f"{root_of(PROVIDER)}/evidence/objects/{sha256(b'a..b').hexdigest()}"


def test_what_is_signed_is_accepted() -> None:
    """Signer and verifier read one profile; the size stays fit for a header-like member."""
    ca = SealCa()
    key = SealKey(PROVIDER, ca)
    references = [sealing.Reference(AGREEMENT, sealing.canonical(AGREED), "application/json")]
    jws = sealing.sign(references, key, key.chain, NOW)
    seal = jades.check(
        jws,
        {one.par: one.body for one in references},
        did=PROVIDER,
        document=key.document(),
        roots=[ca.certificate],
    )
    assert seal.iat == NOW
    assert len(jws) < 2_500


def test_the_evidence_digest_covers_both_seals() -> None:
    """Each of the three values counts, an absent countersignature too."""
    base = sealing.evidence_digest(b"{}", "a..b", "c..d")
    others = [
        sealing.evidence_digest(b"{ }", "a..b", "c..d"),
        sealing.evidence_digest(b"{}", "a..c", "c..d"),
        sealing.evidence_digest(b"{}", "a..b", None),
        sealing.evidence_digest(b"{}", "a..b", ""),
    ]
    assert len({base, *others}) == 5
    digests = {"agreement": sealing.digest(b"{}"), "providerJws": sealing.digest(b"a..b"), "consumerJws": None}
    assert others[2] == sha256(rfc8785.dumps(digests)).hexdigest()
