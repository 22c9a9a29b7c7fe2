"""Participants come with their keys, are found by address, and stay verifiable when a key changes."""

import asyncio
import json

import pytest

from connector.exchange.contracts.agreement.agreements import sealer
from connector.foundation.errors import Defect, Mistake, PeerError, Unknown
from connector.identity.audit.entry import digest
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.keys.signing import post_quantum
from connector.identity.trust.keys.vault import Vault
from connector.verify.formats import jcs
from tests.testkit.cities import MUNICIPALITY
from tests.testkit.patience import PATIENCE_S
from tests.testkit.towns import BASE, Towns

PURPOSES = {"peer", "seal", "log"} | ({"log-pq"} if post_quantum() else set())


@pytest.mark.on_both
async def test_a_new_participant_has_a_did_keys_and_a_log(towns: Towns) -> None:
    hosted = await towns.participants.get("musterstadt")
    assert hosted.participant.did == "did:web:localhost%3A18443:musterstadt"
    assert hosted.participant.root == f"{BASE}/musterstadt"
    assert set(hosted.signers) == PURPOSES
    assert len(hosted.chain) == 2
    rows = await towns.rows("musterstadt", "SELECT type FROM audit_entry WHERE participant = :participant")
    assert [row["type"] for row in rows] == ["key"]


@pytest.mark.on_both
@pytest.mark.threat("T27")
async def test_private_keys_are_sealed_in_the_database(towns: Towns) -> None:
    """No column of any key row holds a private member, and another master key opens none of them."""
    rows = await towns.rows("musterstadt", "SELECT * FROM key WHERE participant = :participant")
    assert len(rows) == len(PURPOSES)
    for row in rows:
        assert set(json.loads(row["public_jwk"])).isdisjoint({"d", "p", "q", "priv"})
    stranger = Participants(towns.db, Vault(bytes(32)), BASE, None)
    with pytest.raises(Defect):
        await stranger.load()


@pytest.mark.parametrize("slug", ["Ä", "", "../x", "a" * 64])
async def test_a_bad_slug_makes_nobody(towns: Towns, slug: str) -> None:
    with pytest.raises(Mistake, match=r"participants\.slug"):
        await towns.participants.add(slug, "X", MUNICIPALITY, "", None)
    assert len(await towns.participants.all()) == 2


@pytest.mark.on_both
async def test_slug_and_root_are_taken_once(towns: Towns) -> None:
    """>> the same slug, the same root under another slug << participants.taken; the first keeps its keys."""
    before = (await towns.participants.get("musterstadt")).keys
    with pytest.raises(Mistake, match=r"participants\.taken"):
        await towns.participants.add("musterstadt", "Y", MUNICIPALITY, "", "https://other.example")
    with pytest.raises(Mistake, match=r"participants\.taken"):
        await towns.participants.add("anders", "Y", MUNICIPALITY, "", f"{BASE}/musterstadt")
    await towns.participants.load()
    assert (await towns.participants.get("musterstadt")).keys == before
    with pytest.raises(Unknown, match=r"participants\.unknown"):
        await towns.participants.get("anders")


def told(result: object) -> str:
    return "refused" if isinstance(result, Mistake) else result.participant.did if isinstance(result, Hosted) else ""


@pytest.mark.on_both
async def test_adding_one_twice_at_once_adds_it_once(towns: Towns) -> None:
    """>> four at once << one adds it; the others are refused, or find it there already if they came late."""
    adding = [towns.participants.add("drittdorf", "D", MUNICIPALITY, "", None) for _ in range(4)]
    results = await asyncio.gather(*adding, return_exceptions=True)
    hosted = await towns.participants.get("drittdorf")
    assert {result for result in map(told, results) if result != "refused"} == {hosted.participant.did}
    assert len(hosted.keys) == len(PURPOSES)


async def test_addresses_find_the_longest_root_and_nothing_else(towns: Towns) -> None:
    """Host and path prefix decide; a prefix that ends inside a segment is nobody's."""
    add = towns.participants.add
    await add("innen", "I", MUNICIPALITY, "", f"{BASE}/musterstadt/innen")
    await add("eigen", "E", MUNICIPALITY, "", "https://eigen.example")
    expected = {
        ("localhost:18443", "/musterstadt"): ("musterstadt", "/"),
        ("localhost:18443", "/musterstadt/2025-1/x"): ("musterstadt", "/2025-1/x"),
        ("localhost:18443", "/musterstadt/innen/did.json"): ("innen", "/did.json"),
        ("localhost:18443", "/musterstadt/innendrin"): ("musterstadt", "/innendrin"),
        ("localhost:18443", "/musterstadtteil"): None,
        ("localhost:18443", "/"): None,
        ("localhost", "/musterstadt"): None,
        ("eigen.example", "/.well-known/did.json"): ("eigen", "/.well-known/did.json"),
        ("eigen.example:443", "/x"): None,
        ("eigen.example", "/musterstadt/x"): ("eigen", "/musterstadt/x"),
    }
    for (host, path), answer in expected.items():
        found = await towns.participants.at(host, path)
        assert (None if found is None else (found[0].id, found[1])) == answer, (host, path)


async def test_the_document_names_the_connector_and_every_key(towns: Towns) -> None:
    hosted = await towns.participants.get("musterstadt")
    document = json.loads(json.dumps(hosted.document))
    assert document["id"] == hosted.participant.did
    assert any(service["type"] == "DataService" for service in document["service"])
    kids = {method["id"] for method in document["verificationMethod"]}
    assert {hosted.signers["peer"].kid, hosted.signers["seal"].kid} <= kids
    assert not any("d" in method["publicKeyJwk"] for method in document["verificationMethod"])


@pytest.mark.parametrize("purpose", ["peer", "seal"])
async def test_rotation_signs_with_the_new_key_and_keeps_the_old_method(towns: Towns, purpose: str) -> None:
    """>> rotate << a new active key; the old one still verifies; the log has a key event for the new document."""
    before = await towns.participants.get("musterstadt")
    after = await towns.participants.rotate("musterstadt", purpose)  # type: ignore[arg-type]
    old, new = before.signers[purpose].kid, after.signers[purpose].kid  # type: ignore[index]
    assert old != new
    states = {key.kid: key.state for key in after.keys}
    assert (states[old], states[new]) == ("verify-only", "active")
    methods = {method["id"] for method in json.loads(json.dumps(after.document))["verificationMethod"]}
    assert {old, new} <= methods
    rows = await towns.rows(
        "musterstadt", "SELECT record FROM audit_entry WHERE participant = :participant AND type = 'key' ORDER BY id"
    )
    assert len(rows) == 2
    assert digest(jcs.encode(after.document)).encode() in bytes(rows[1]["record"])
    kept = await towns.rows("musterstadt", "SELECT sha256 FROM object WHERE participant = :participant")
    assert digest(jcs.encode(after.document)) in {row["sha256"] for row in kept}


@pytest.mark.on_both
async def test_another_process_learns_of_changes(towns: Towns) -> None:
    """A second service on the same database sees what the first one added and rotated."""
    other = Participants(towns.db, towns.vault, BASE, None)
    assert len(await other.all()) == 2
    await towns.participants.add("drittdorf", "D", MUNICIPALITY, "", None)
    rotated = await towns.participants.rotate("musterstadt", "peer")
    async with asyncio.timeout(PATIENCE_S):
        while len(await other.all()) < 3:
            await asyncio.sleep(0.02)
        while (await other.get("musterstadt")).signers["peer"].kid != rotated.signers["peer"].kid:
            await asyncio.sleep(0.02)


async def test_without_a_seal_authority_there_is_no_chain_yet(towns: Towns) -> None:
    other = Participants(towns.db, towns.vault, BASE, None)
    hosted = await other.add("drittdorf", "D", MUNICIPALITY, "", None)
    assert hosted.chain == ()
    assert len(await other.all()) == 3
    with pytest.raises(Mistake, match=r"contracts\.no-certificate"):
        sealer(hosted)


async def test_who_is_not_loaded_is_our_defect_inside_a_transaction(towns: Towns) -> None:
    with pytest.raises(Defect, match=r"participants\.not-loaded"):
        towns.participants.held("nirgends")
    assert towns.participants.document("did:web:nobody.example") is None  # type: ignore[arg-type]


@pytest.mark.on_both
async def test_an_address_entered_for_a_peer_is_the_participants_own(towns: Towns) -> None:
    """>> enter << kept for this participant alone, last word counts; what is no root or DID is refused."""
    enter, did = towns.participants.enter_peer, "did:web:edc.example"
    await enter("musterstadt", did, "https://edc.example/api/")
    await enter("musterstadt", did, "https://edc.example/dsp")
    assert await towns.participants.entered_root("musterstadt", did) == "https://edc.example/dsp"
    assert await towns.participants.entered_root("nachbardorf", did) is None
    with pytest.raises(Mistake, match=r"participants\.root"):
        await enter("musterstadt", did, "http://edc.example")
    with pytest.raises(PeerError):
        await enter("musterstadt", "nonsense", "https://edc.example")
