"""did:web: grammar, addresses, the document we publish."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from connector.foundation.errors import Mistake, PeerError
from connector.identity.trust.did.did import Did, document, document_url, of_root, parse, root_of
from connector.identity.trust.did.documents import read_document
from connector.identity.trust.keys.signing import PURPOSES, SoftwareKey, State

GOOD = {
    "did:web:localhost%3A18443:musterstadt": "https://localhost:18443/musterstadt/did.json",
    "did:web:daten.musterstadt.de": "https://daten.musterstadt.de/.well-known/did.json",
    "did:web:xn--mnchen-3ya.de:rathaus:amt-3": "https://xn--mnchen-3ya.de/rathaus/amt-3/did.json",
    "did:web:a.de:Stadt_A.b": "https://a.de/Stadt_A.b/did.json",
    "did:web:a.de%3A443": "https://a.de:443/.well-known/did.json",
}
BAD = [
    "did:web:169.254.169.254",
    "did:web:127.0.0.1%3A8443",
    "did:web:2130706433",
    "did:web:0x7f.1",
    "did:web:[::1]",
    "did:web:%5B::1%5D",
    "did:web:localhost%3A22",
    "did:web:localhost%3A0",
    "did:web:localhost%3A99999",
    "did:web:localhost%3A080",
    "did:web:localhost%3a8443",
    "did:web:localhost:8443%3A",
    "did:web:a.de:..:x",
    "did:web:a.de:.",
    "did:web:a.de:x%2Fy",
    "did:web:a.de%2Fx",
    "did:web:a.de%2F..%2Fx",
    "did:web:a.de:",
    "did:web:a.de::x",
    "did:web::a",
    "did:web:",
    "did:web:a.de/x",
    "did:web:a.de?x",
    "did:web:a.de#k",
    "did:web:a.de\n",
    "did:web:a.de ",
    "did:web:ok@evil.de",
    "did:web:ok%40evil.de",
    "did:web:a.de\\x",
    "did:web:a\u3002de",
    "did:web:städt.de",
    "did:web:-a.de",
    "did:web:a-.de",
    "did:web:a..de",
    "did:web:a.de.",
    "did:web:.a.de",
    "did:web:a_b.de",
    "did:web:A.de",
    "DID:web:a.de",
    "did:WEB:a.de",
    "did:key:z6Mk",
    "web:a.de",
    "",
    "did:web:" + "a" * 64 + ".de",
    "did:web:a.de:" + "x" * 512,
    "http://a.de",
    "did:web:a.de%3A443%3A1",
]


@pytest.mark.parametrize("did", GOOD)
def test_good_dids_lead_to_one_address(did: str) -> None:
    """>> a DID << its document's URL; the root leads back to the DID."""
    assert document_url(parse(did)) == GOOD[did]
    assert of_root(root_of(parse(did))) == did


@pytest.mark.threat("T02")
@pytest.mark.threat("T23")
@pytest.mark.parametrize("did", BAD)
def test_bad_dids_are_refused(did: str) -> None:
    """>> IP literals, ports below 1024, dots, escapes, other methods << `PeerError`."""
    with pytest.raises(PeerError):
        parse(did)


@pytest.mark.threat("T02")
@given(st.text(st.sampled_from("ab.-_:%3AF2f5/\\@#?[]09xX \u3002ä"), max_size=40).map("did:web:".__add__))
def test_every_accepted_did_names_its_host(did: str) -> None:
    """Whatever the grammar accepts maps to one https URL whose host is the DID's, as another library reads it."""
    try:
        url = URL(document_url(parse(did)), encoded=True)
    except PeerError:
        return
    host, _, port = did.removeprefix("did:web:").partition(":")[0].partition("%3A")
    assert (url.scheme, url.host, url.port) == ("https", host, int(port or 443))
    assert not url.query_string
    assert ".." not in url.raw_path.split("/")


ROOTS = [
    "http://a.de",
    "https://a.de/",
    "https://a.de/x/",
    "https://127.0.0.1:8443",
    "https://a.de:22",
    "https://a.de?x",
    "https://a.de/ü",
    "https://a.de/../x",
    "https://a.de/%41",
    "a.de",
    "",
]


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_that_no_did_can_name_is_the_operators_mistake(root: str) -> None:
    """>> slash at the end, http, IP literal << `Mistake` with the root in it."""
    with pytest.raises(Mistake):
        of_root(root)


ROOT = "https://localhost:18443/musterstadt"
STATES: tuple[State, ...] = ("pending", "active", "verify-only", "removed")


def test_the_document_has_the_shape_that_peers_parse(town: str) -> None:
    """Strict readers' rules (spec/trust.md 1.2): string relations, bare methods and services, no unknown members."""
    keys = [SoftwareKey.generate(purpose, town) for purpose in PURPOSES]
    made = document(of_root(ROOT), ROOT, [key.record() for key in keys])
    peer, seal, *logs = (key for key in keys if key.purpose != "seal-pq")
    assert made["id"] == town
    assert made["authentication"] == made["capabilityInvocation"] == [peer.kid]
    assert made["assertionMethod"] == [seal.kid]
    assert made["hanse:logKey"] == [key.public_jwk for key in logs]
    methods, services = made["verificationMethod"], made["service"]
    assert isinstance(methods, list)
    assert isinstance(services, list)
    assert [set(method) for method in methods] == [{"id", "type", "controller", "publicKeyJwk"}] * 2
    assert {method["type"] for method in methods} == {"JsonWebKey2020"}
    assert [set(service) for service in services] == [{"id", "type", "serviceEndpoint"}] * 3
    assert [service["type"] for service in services] == ["DataService", "CatalogService", "EvidenceService"]
    assert services[1]["serviceEndpoint"].endswith("/catalog")


@pytest.mark.parametrize("states", list(itertools.product(STATES, repeat=2)))
def test_keys_stay_listed_until_removed(states: tuple[State, State], town: str) -> None:
    """Rotation: the new method is published before it signs, the old one stays until it is removed."""
    keys = [SoftwareKey.generate("peer", town).record(state) for state in states]
    made = document(Did(town), ROOT, keys)
    listed = [key.kid for key in keys if key.state != "removed"]
    assert made["authentication"] == made["capabilityInvocation"] == listed
    assert read_document(Did(town), made).methods == len(listed)
