"""Keys of peers change: in good order without a word, all at once only after somebody vouches for them (T08, T16)."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from connector.foundation.storage.database import Tx
from connector.identity.trust.keys.jwk import thumbprint
from connector.identity.trust.keys.signing import SoftwareKey
from tests.surfaces.peer import one_city
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.nasty import NastyPeer, nasty_peer

pytestmark = pytest.mark.asyncio(loop_scope="module")
it, nasty, space = one_city.it, one_city.nasty, one_city.space

REQUEST = "/2025-1/catalog/request"
ASK: dict[str, Any] = {
    "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
    "@type": "CatalogRequestMessage",
}


def fetched(nasty: NastyPeer) -> int:
    """How often its DID document was fetched."""
    return len([one for one in nasty.inbox if one.path == "/did.json"])


@pytest.mark.threat("T08")
async def test_a_key_change_without_overlap_is_held_back(space: Space, it: City, nasty: NastyPeer) -> None:
    """>> a new key without the old one << 503 until the trust list vouches for it; the old key is never taken again."""
    assert (await nasty.post(it, "musterstadt", REQUEST, ASK)).status == 200
    old, new = nasty.signer, SoftwareKey.generate("peer", nasty.did)
    nasty.signer, nasty.keys = new, [new.record(), nasty.keys[1]]
    it.services.trust.resolver.forget(nasty.did)
    held = await nasty.post(it, "musterstadt", REQUEST, ASK)
    assert held.status == 503
    assert held.json["@type"] == "CatalogError"
    assert (await nasty.post(it, "musterstadt", REQUEST, ASK, signer=old)).status in (401, 503)
    await nasty.enlist(keys=(thumbprint(new.public_jwk),))
    await space.reload(it)
    it.services.trust.resolver.forget(nasty.did)
    assert (await nasty.post(it, "musterstadt", REQUEST, ASK)).status == 200
    assert (await nasty.post(it, "musterstadt", REQUEST, ASK, signer=old)).status == 401


@pytest.mark.threat("T08")
async def test_a_restart_forgets_no_key_and_an_operator_ends_the_hold(space: Space, nasty: NastyPeer) -> None:
    """>> known keys, restart, other keys << held back and in the log; accepted by an operator << 200 again."""
    async with space.running("again", {"altstadt": MUNICIPALITY}) as city:
        await nasty.enlist()
        await space.reload(city)
        assert (await nasty.post(city, "altstadt", REQUEST, ASK)).status == 200
        await city.services.operation.changes.settled()
    new = SoftwareKey.generate("peer", nasty.did)
    nasty.signer, nasty.keys = new, [new.record(), nasty.keys[1]]
    async with space.running("again", {"altstadt": MUNICIPALITY}) as city:
        assert (await nasty.post(city, "altstadt", REQUEST, ASK)).status == 503
        await city.services.operation.changes.settled()
        assert await city.services.infra.db.read("altstadt", _alarms) == 1
        await city.api.post("/api/v1/trust/accept", {"did": nasty.did})
        assert (await nasty.post(city, "altstadt", REQUEST, ASK)).status == 200


def _alarms(tx: Tx) -> int:
    return len(tx.all("SELECT id FROM audit_entry WHERE participant = 'altstadt' AND type = 'alarm'"))


@pytest.mark.threat("T08")
async def test_a_rotation_with_overlap_is_taken_without_a_word(it: City, nasty: NastyPeer) -> None:
    """>> both keys for a while, then only the new one << 200 throughout; afterwards the old key opens nothing."""
    assert (await nasty.post(it, "musterstadt", REQUEST, ASK)).status == 200
    old, new = nasty.signer, SoftwareKey.generate("peer", nasty.did)
    nasty.keys.append(new.record())
    it.services.trust.resolver.forget(nasty.did)
    for signer in (old, new):
        assert (await nasty.post(it, "musterstadt", REQUEST, ASK, signer=signer)).status == 200
    nasty.keys = [nasty.keys[1], new.record()]
    it.services.trust.resolver.forget(nasty.did)
    assert (await nasty.post(it, "musterstadt", REQUEST, ASK, signer=new)).status == 200
    assert (await nasty.post(it, "musterstadt", REQUEST, ASK, signer=old)).status == 401


@pytest.mark.threat("T16")
async def test_fifty_requests_at_once_are_one_fetch(it: City, nasty: NastyPeer) -> None:
    """>> fifty first requests of a peer in parallel << one GET of its DID document."""
    it.services.trust.resolver.forget(nasty.did)
    replies = await asyncio.gather(*(nasty.post(it, "musterstadt", REQUEST, ASK) for _ in range(50)))
    assert Counter(reply.status for reply in replies) == {200: 50}
    assert fetched(nasty) == 1


@pytest.mark.threat("T16")
async def test_a_broken_did_document_is_not_asked_for_again_and_again(space: Space, it: City) -> None:
    """>> twenty requests of a member whose document is broken << refused each, one fetch for all of them."""
    async with nasty_peer(space, "kaputt") as broken:
        await space.reload(it)
        broken.answers["/did.json"] = lambda got: (200, b"<html>")
        statuses = {(await broken.post(it, "musterstadt", REQUEST, ASK)).status for _ in range(20)}
        assert statuses == {400}
        assert fetched(broken) == 1


@pytest.mark.threat("T16")
async def test_a_stranger_makes_us_fetch_nothing(space: Space, it: City) -> None:
    """>> tokens in the names of a hundred DIDs that nobody listed << 401 each, not one outgoing request."""
    async with nasty_peer(space, "fremd", kind=None) as stranger:
        for number in range(100):
            did = f"{stranger.did}:{number}"
            signer = SoftwareKey.generate("peer", did)
            reply = await stranger.post(it, "musterstadt", REQUEST, ASK, iss=did, sub=did, signer=signer)
            assert reply.status == 401
        assert stranger.inbox == []


@pytest.mark.parametrize("answer", [(404, b""), (500, b""), (302, b""), (200, b"[]"), (200, b'{"id":"did:web:x"}')])
async def test_without_a_usable_did_document_nobody_gets_in(space: Space, it: City, answer: tuple[int, bytes]) -> None:
    """>> missing, failing, redirecting, foreign << 4xx or 503 in the protocol's form, never in."""
    async with nasty_peer(space, "kaputt") as broken:
        await space.reload(it)
        broken.answers["/did.json"] = lambda got: answer
        reply = await broken.post(it, "musterstadt", REQUEST, ASK)
        assert reply.status in (400, 401, 503)
        assert reply.json["@type"] == "CatalogError"


async def test_our_own_rotation_keeps_the_old_method_and_signs_with_the_new(it: City, nasty: NastyPeer) -> None:
    """>> rotate the peer key of musterstadt << both keys in its document; messages to peers carry the new one."""
    before = (await nasty.call("GET", it.root("musterstadt") + "/did.json")).json["verificationMethod"]
    await it.services.participants.rotate("musterstadt", "peer")
    after = (await nasty.call("GET", it.root("musterstadt") + "/did.json")).json["verificationMethod"]
    assert {one["id"] for one in before} < {one["id"] for one in after}
    made = await it.publish("musterstadt")
    signed = await it.negotiate("nachbardorf", it.did("musterstadt"), made["dataset"])
    assert signed["state"] == "FINALIZED"
