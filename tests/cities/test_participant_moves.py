"""A town with contracts moves from one running process to another, as its operators do it."""

import json
from hashlib import sha256

import aiohttp
import pytest
from msgspec.structs import replace

from connector.continuity.offboarding import participant_rows
from connector.identity.trust.members.trust_list import Entry, Predecessor
from connector.oversight.operation import enrolment
from connector.verify.bundle import verify_bundle
from tests.cities.moves import moved
from tests.testkit.cities import MUNICIPALITY, City, Refused, Space

TOWN, VILLAGE = "musterstadt", "nachbardorf"


async def said(root: str, path: str) -> tuple[int, str | None, object]:
    """Status, `Retry-After` and body of what anybody may ask."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session,
        session.get(root + path) as answer,
    ):
        body = await answer.read()
        return answer.status, answer.headers.get("Retry-After"), json.loads(body) if body else None


async def bundle(city: City, slug: str, agreement: str) -> bytes:
    uuid = agreement.removeprefix("urn:uuid:")
    found: bytes = await city.api.get(f"/api/v1/participants/{slug}/agreements/{uuid}/evidence")
    return found


def passes(space: Space, data: bytes) -> None:
    report = verify_bundle(data, space.roots, "en")
    assert report.holds_apart_from_time, report.reason


async def test_a_town_moves_with_its_contracts(space: Space) -> None:
    """>> agreed, moved, listed as the successor << the old root is gone with the new DID, the new one has contract,
    data and log, and the partner agrees with it anew."""
    old = await space.city("old", {TOWN: MUNICIPALITY})
    village = await space.city("village", {VILLAGE: MUNICIPALITY})
    new = await space.city("new", {})
    await space.reload(old, village)
    made = await old.publish(TOWN)
    before, root = old.did(TOWN), old.root(TOWN)
    signed = await village.negotiate(VILLAGE, before, made["dataset"])
    assert signed["state"] == "FINALIZED"
    agreement = str(signed["agreement"])
    await old.services.operation.maintenance.seal_logs()
    earlier = await bundle(old, TOWN, agreement)
    passes(space, earlier)
    found, _ = await moved(old, new, TOWN)
    assert (found["state"], found["origin"], found["agreements"]) == ("arrived", before, 1)
    assert (await said(root, "/2025-1/catalog/datasets/x"))[0] == 410
    status, _, document = await said(root, "/did.json")
    assert status == 200
    assert new.did(TOWN) in json.dumps(document)
    agreements = await new.api.get(f"/api/v1/participants/{TOWN}/agreements")
    assert [one["agreement"] for one in agreements["agreements"]] == [signed["agreement"]]

    assert new.services.space is not None
    hosted = await new.services.participants.get(TOWN)

    def entries(begin: str) -> list[Entry]:
        it = hosted.participant
        entry = enrolment.entry(
            did=it.did, name=it.name, operator=it.operator, kind=it.kind, valid_from=begin, keys=hosted.keys, at=begin
        )
        return [replace(entry, succeeds=(Predecessor(did=before, since=begin),))]

    new.services.space.enlist(entries)
    await space.reload(old, village, new)
    fetched = await village.fetch(VILLAGE, agreement)
    assert (fetched["state"], fetched["sha256"]) == ("COMPLETED", sha256(b"a;b\n1;2\n").hexdigest())
    for city, slug in ((new, TOWN), (village, VILLAGE)):
        await city.services.operation.maintenance.seal_logs()
        passes(space, await bundle(city, slug, agreement))
    passes(space, earlier)
    again = await village.negotiate(VILLAGE, new.did(TOWN), made["dataset"])
    assert again["state"] == "FINALIZED"
    with pytest.raises(Refused) as refused:
        await old.api.post(f"/api/v1/participants/{TOWN}/delete", {})
    assert refused.value.problem["code"] == "moving.answered"
    gone = await old.api.post(f"/api/v1/participants/{TOWN}/delete", {"despite_retention": True})
    assert gone["state"] == "deleted"
    assert sum((await old.services.infra.db.read(TOWN, participant_rows.counted, TOWN)).values()) == 0


async def test_while_it_moves_others_are_asked_to_come_again(space: Space) -> None:
    """>> laid to rest << whoever writes is told 503; its DID document is there; it stays after all, and works."""
    old = await space.city("old", {TOWN: MUNICIPALITY})
    new = await space.city("new", {})
    expected = await new.api.post("/api/v1/arrivals", {"slug": TOWN})
    wish = {"to": expected["address"], "fingerprint": expected["fingerprint"]}
    with pytest.raises(Refused) as other:
        await old.api.post(f"/api/v1/participants/{TOWN}/move", {**wish, "fingerprint": "0" * 32})
    assert other.value.problem["code"] == "moving.fingerprint"
    await old.api.post(f"/api/v1/participants/{TOWN}/move", wish)
    with pytest.raises(Refused) as refused:
        await old.publish(TOWN)
    assert (refused.value.status, refused.value.problem["code"]) == (503, "moving.at-rest")
    assert (await said(old.root(TOWN), "/did.json"))[0] == 200
    word = await old.api.post(f"/api/v1/participants/{TOWN}/move/stay")
    assert word["statement"]
    await old.publish(TOWN)
    await new.api.post(f"/api/v1/arrivals/{TOWN}/give-up", {})
    assert (await new.api.get("/api/v1/arrivals"))["arrivals"] == []
