"""DID documents: what is read leniently, and checked strictly."""

from typing import Any

import pytest

from connector.foundation.errors import PeerError, Unauthenticated
from connector.foundation.http.address import LONGEST
from connector.identity.trust.did import documents
from connector.identity.trust.did.did import VERSION_PATH, Did
from connector.identity.trust.did.documents import read_document
from connector.identity.trust.did.resolver import Resolver
from connector.identity.trust.keys.signing import SoftwareKey
from tests.identity.trust.did.stage import DID, ROOT, Web, keys, made


async def test_a_document_gives_keys_by_relation_and_services_by_type(web: Web, resolver: Resolver) -> None:
    """>> did << peer key for authentication, seal key for assertions, never crosswise."""
    peer, seal = records = keys()
    web.put(made(records))
    found = await resolver.document(DID)
    assert found.key(peer.kid, "authentication") == found.key(peer.kid, "capabilityInvocation") == peer.public_jwk
    assert found.key(seal.kid, "assertionMethod") == seal.public_jwk
    assert found.root == ROOT
    assert found.service("EvidenceService") == f"{ROOT}/evidence"
    for kid, relation in (
        (peer.kid, "assertionMethod"),
        (seal.kid, "authentication"),
        (seal.kid, "capabilityInvocation"),
        (f"{DID}#none", "authentication"),
        (None, "authentication"),
        (peer.kid, "keyAgreement"),
    ):
        with pytest.raises(Unauthenticated):
            found.key(kid, relation)


BROKEN: dict[str, Any] = {
    "not JSON": b"<html>",
    "a list": [],
    "another's": {"id": "did:web:other.de"},
    "no id": {},
    "methods no list": {"id": DID, "verificationMethod": {}},
    "method no object": {"id": DID, "verificationMethod": ["x"]},
    "method without id": {"id": DID, "verificationMethod": [{"type": "JsonWebKey2020"}]},
    "id twice": {"id": DID, "verificationMethod": [{"id": "#a"}, {"id": f"{DID}#a"}]},
    "key no object": {"id": DID, "verificationMethod": [{"id": "#a", "publicKeyJwk": "x"}]},
    "key without type": {"id": DID, "verificationMethod": [{"id": "#a", "publicKeyJwk": {}}]},
    "relation no list": {"id": DID, "authentication": "#a"},
    "relation of numbers": {"id": DID, "authentication": [1]},
    "service without type": {"id": DID, "service": [{"serviceEndpoint": "https://a.de"}]},
    "too many methods": {"id": DID, "verificationMethod": [{"id": f"#{n}"} for n in range(101)]},
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_documents_are_refused(name: str, web: Web, resolver: Resolver) -> None:
    """>> not a document, or another's << `PeerError` that names the DID."""
    web.put(BROKEN[name])
    with pytest.raises(PeerError, match="did-document"):
        await resolver.document(DID)


def test_what_others_write_is_read_leniently() -> None:
    """Embedded methods, relative ids, foreign key formats, service ids that are no URI, any context."""
    jwk = SoftwareKey.generate("peer", DID).public_jwk
    found = read_document(
        Did(DID),
        {
            "@context": "https://w3id.org/dspace-dcp/v1.0",
            "id": DID,
            "verificationMethod": [
                {"id": "#k", "type": "X", "publicKeyJwk": jwk},
                {"id": "#m", "publicKeyMultibase": "z6"},
            ],
            "authentication": [f"{DID}#k", "#m", "#unknown"],
            "capabilityInvocation": [{"id": "#e", "publicKeyJwk": jwk}],
            "service": [{"id": "Some-Service", "type": ["X", "DataService"], "serviceEndpoint": "https://a.de/c/"}],
        },
    )
    assert found.key(f"{DID}#k", "authentication") == found.key("#k", "authentication") == jwk
    assert found.key(f"{DID}#e", "capabilityInvocation") == jwk
    assert found.root == "https://a.de/c"
    for kid in ("#m", "#unknown", "#e"):
        with pytest.raises(Unauthenticated):
            found.key(kid, "authentication")


def test_without_a_kid_only_a_single_method_counts() -> None:
    """The one exception that the token rules know."""
    single = read_document(Did(DID), made(keys("peer")))
    assert single.key(None, "authentication")["kty"] == "EC"
    with pytest.raises(Unauthenticated):
        read_document(Did(DID), made(keys("peer", "peer"))).key(None, "authentication")


def test_a_foreign_key_may_not_slip_in() -> None:
    """>> another DID's method, an embedded key under a listed id << not found, refused."""
    jwk, evil = (SoftwareKey.generate("peer", DID).public_jwk for _ in range(2))
    other = {"id": "did:web:evil.de#k", "publicKeyJwk": evil}
    found = read_document(Did(DID), {"id": DID, "verificationMethod": [other], "authentication": ["did:web:evil.de#k"]})
    with pytest.raises(Unauthenticated):
        found.key("did:web:evil.de#k", "authentication")
    with pytest.raises(PeerError):
        read_document(
            Did(DID),
            {
                "id": DID,
                "verificationMethod": [{"id": "#k", "publicKeyJwk": jwk}],
                "authentication": [{"id": "#k", "publicKeyJwk": evil}],
            },
        )


@pytest.mark.threat("T108")
@pytest.mark.parametrize("embedded", [True, False])
def test_a_key_that_another_controls_signs_tokens_and_no_seals(embedded: bool) -> None:
    """>> an agent's key in all three relations, by name or as an object << found for tokens, never as assertion."""
    jwk = SoftwareKey.generate("agent", DID).public_jwk
    method = {"id": "#op", "controller": "did:web:it.example", "publicKeyJwk": jwk}
    named = [method] if embedded else ["#op"]
    found = read_document(
        Did(DID),
        {
            "id": DID,
            "verificationMethod": [] if embedded else [method],
            **dict.fromkeys(("authentication", "capabilityInvocation", "assertionMethod"), named),
        },
    )
    assert found.key("#op", "capabilityInvocation") == found.key("#op", "authentication") == jwk
    with pytest.raises(Unauthenticated):
        found.key("#op", "assertionMethod")


@pytest.mark.parametrize(
    "endpoint", ["http://a.de", "https://127.0.0.1:22/", "https://a@b.de", "x", "https://a.de/?x=1"]
)
def test_a_root_that_we_would_not_call_is_none(endpoint: str) -> None:
    """>> http, odd port, user info << no root: an operator has to enter one."""
    services = [{"id": "x", "type": "DataService", "serviceEndpoint": endpoint}]
    assert read_document(Did(DID), {"id": DID, "service": services}).root is None


@pytest.mark.threat("T112")
def test_bug_roots_of_any_length_were_kept() -> None:
    """>> the longest root with the path of versions behind it, one sign more << it is kept; that is none."""
    documents._root.cache_clear()
    for more, root in (("", longest := "https://a.de/".ljust(LONGEST, "x")), ("x", None)):
        services = [{"id": "x", "type": "DataService", "serviceEndpoint": longest + more + VERSION_PATH}]
        assert read_document(Did(DID), {"id": DID, "service": services}).root == root
    assert documents._root.cache_info().currsize == 1
