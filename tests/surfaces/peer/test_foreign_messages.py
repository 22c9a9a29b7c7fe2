"""A peer that speaks another JSON-LD dialect is understood; one that sends nonsense is told so, at a pace."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from connector.foundation.clock import FakeClock
from connector.foundation.http.refusals import TooMany
from connector.foundation.storage.database import Tx
from connector.kernel.dialects.jsonld import reading
from connector.kernel.dialects.jsonld.explain import UnreadableMessage
from connector.kernel.protocol import codec
from connector.kernel.protocol import messages as m
from connector.surfaces.peer import foreign_messages
from connector.surfaces.peer.foreign_messages import Foreign
from tests.kernel.dialects.spellings import prefixes_beside_the_context
from tests.testkit.cities import PURPOSE, City
from tests.testkit.nasty import NastyPeer
from tests.testkit.patience import PATIENCE_S

VERIFY = "ContractAgreementVerificationMessage"


def spelled(message: dict[str, Any]) -> dict[str, Any]:
    """Prefixed, with a context as a string, a type in a list, references as objects, rules without brackets."""
    value = prefixes_beside_the_context(message)
    offer = value.get("dspace:offer")
    if offer is not None:
        offer |= {"odrl:permission": offer["odrl:permission"][0], "odrl:target": {"@id": offer["odrl:target"]}}
    pid = value["dspace:consumerPid"]
    return {**value, "@context": m.CONTEXT, "@type": [value["@type"]], "dspace:consumerPid": {"@id": pid}}


async def test_a_negotiation_in_another_dialect(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> request, verification in prefixed JSON-LD << agreed and finalized as with anybody; a repetition is known."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    request = spelled(nasty.contract_request(offer))
    assert request["@context"] == codec.CONTEXT
    started = await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", request)
    assert started.status == 201, started.body
    again = await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", request)
    assert (again.status, again.json["providerPid"]) == (200, started.json["providerPid"])
    agreement = (await nasty.heard("/agreement")).json["agreement"]
    assert agreement["permission"] == offer["permission"]
    both = {name: started.json[name] for name in ("providerPid", "consumerPid")}
    path = f"/2025-1/negotiations/{started.json['providerPid']}/agreement/verification"
    told = await nasty.post(it, "musterstadt", path, spelled(nasty.message(VERIFY, **both)))
    assert told.status == 200, told.body
    assert (await nasty.heard("/events")).json["eventType"] == "FINALIZED"


async def test_a_message_that_is_a_list_of_one_is_taken(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> the first message as an expanded document is framed, in a list << 201, and booked with its type."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    message = nasty.contract_request(offer)
    started = await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", [message])
    assert started.status == 201, started.body
    pid = started.json["providerPid"]

    def kinds(tx: Tx) -> list[Any]:
        rows = tx.all(
            "SELECT kind FROM transcript WHERE participant = :p AND process = :pid AND direction = 'in'",
            p=tx.scope,
            pid=pid,
        )
        return [row["kind"] for row in rows]

    assert await it.services.infra.db.read("musterstadt", kinds) == ["ContractRequestMessage"]


async def test_a_broken_message_is_explained(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> a request with three faults << 400 with the pids, every place and what would be right, in two languages."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    broken = nasty.contract_request({**offer, "permission": 7, "target": 7}, providerPid="urn:p")
    reply = await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", broken)
    assert (reply.status, reply.json["@type"]) == (400, "ContractNegotiationError")
    assert reply.json["consumerPid"] == broken["consumerPid"]
    german, english = reply.json["reason"]
    for place in ("/offer/permission", "/offer/target"):
        assert f"Bei {place}: " in german
        assert f"At {place}: " in english
    assert "callbackAddress, providerPid" in german


async def test_a_catalogue_in_another_dialect(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> a prefixed page and dataset, offers without brackets << found; asked for with the very offer id."""
    entry = (await nasty.get(it, "musterstadt", f"/2025-1/catalog/datasets/{made['dataset'].rpartition('/')[2]}")).json
    offer = {**entry["hasPolicy"][0], "@id": "Y2Q=:dHJlZXM=:eA=="}
    del offer["obligation"]
    plain = {**entry, "@id": f"{nasty.root}/datasets/1", "hasPolicy": [offer]}
    shown = prefixes_beside_the_context(plain)
    shown["odrl:hasPolicy"] = {**shown["odrl:hasPolicy"][0], "odrl:obligation": []}
    contexts = [m.CONTEXT, "https://w3id.org/edc/dspace/v0.0.1"]
    page = {
        "@context": contexts,
        "@id": "k",
        "@type": "dcat:Catalog",
        "dspace:participantId": {"@id": nasty.did},
        "dcat:dataset": {name: item for name, item in shown.items() if name != "@context"},
    }
    nasty.answers["/2025-1/catalog/request"] = lambda got: (200, json.dumps(page).encode())
    root = {**shown, "@context": m.CONTEXT}
    nasty.answers["/2025-1/catalog/datasets/1"] = lambda got: (200, json.dumps(root).encode())
    (found,) = (await it.services.peer.catalogue("nachbardorf", nasty.did)).datasets
    assert (found["@id"], found["hasPolicy"]) == (plain["@id"], [offer])
    assert found["dct:title"] == entry["dct:title"]
    wish = {"provider": nasty.did, "dataset": plain["@id"], "offer": offer["@id"], "purpose": PURPOSE}
    await it.api.post("/api/v1/participants/nachbardorf/negotiations", wish)
    asked = (await nasty.heard("/negotiations/request")).json["offer"]
    assert asked == {**offer, "@type": "Offer", "target": plain["@id"]}


async def test_a_broken_dataset_is_explained(it: City, nasty: NastyPeer) -> None:
    """Whoever asked reads where the provider's answer is wrong."""
    broken = {"@context": m.CONTEXT, "@id": "x", "@type": "Dataset", "hasPolicy": [], "distribution": {}}
    nasty.answers["/2025-1/catalog/datasets/1"] = lambda got: (200, json.dumps(broken).encode())
    with pytest.raises(UnreadableMessage) as said:
        await it.services.peer.dataset("nachbardorf", nasty.did, f"{nasty.root}/datasets/1")
    assert said.value.code == "peer.answer"
    assert {finding.pointer for finding in said.value.findings} >= {"/hasPolicy", "/distribution/format"}


@pytest.mark.threat("T13")
async def test_odd_messages_are_paced() -> None:
    """What a peer can make us do grows with time, not with what it sends; others are not concerned."""
    clock = FakeClock()
    reader = Foreign(clock)
    odd = {"@context": m.CONTEXT, "@type": "CatalogRequestMessage"}
    assert await reader.read("a", m.CatalogRequestMessage, odd, 100) == m.CatalogRequestMessage()
    for _ in range(foreign_messages.BURST - 1):
        await reader.read("a", m.CatalogRequestMessage, odd, 100)
    with pytest.raises(TooMany):
        await reader.read("a", m.CatalogRequestMessage, odd, 100)
    await reader.read("b", m.CatalogRequestMessage, odd, 100)
    clock.advance(1000)
    for _ in range(foreign_messages.PER_S):
        await reader.read("a", m.CatalogRequestMessage, odd, 100)
    with pytest.raises(TooMany):
        await reader.read("a", m.CatalogRequestMessage, odd, 100)


def test_what_takes_more_costs_more() -> None:
    """By size, and much more for a processor; a nested context takes one too."""
    odd = {"@context": m.CONTEXT}
    assert foreign_messages.cost(odd, 0) == 1
    assert foreign_messages.cost(odd, 10 * foreign_messages.PIECE) == 11
    assert foreign_messages.cost({"@context": {"id": "@id"}}, 0) == 1 + foreign_messages.PROCESSOR
    assert foreign_messages.cost({**odd, "x": [{"@context": {}}]}, 0) == 1 + foreign_messages.PROCESSOR
    assert foreign_messages.cost({"@context": ["x"] * 1000}, 0) == 1


async def test_the_event_loop_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading happens elsewhere, one document at a time, and only so long is waited for it or for a turn."""
    entered, leave, timers = asyncio.Event(), asyncio.Event(), list[asyncio.Timeout]()
    loop = asyncio.get_running_loop()

    def kept(seconds: float) -> asyncio.Timeout:
        timers.append(asyncio.timeout(seconds))
        return timers[-1]

    def stuck(cls: Any, value: Any) -> Any:
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(leave.wait(), loop).result()
        return m.CatalogRequestMessage()

    monkeypatch.setattr(reading, "read", stuck)
    timing = SimpleNamespace(timeout=kept, get_running_loop=asyncio.get_running_loop)
    monkeypatch.setattr(foreign_messages, "asyncio", timing)
    monkeypatch.setattr(foreign_messages, "WAIT_S", PATIENCE_S)
    reader = Foreign(FakeClock())
    first = asyncio.create_task(reader.read("a", m.CatalogRequestMessage, {}, 0))
    await entered.wait()
    timers[0].reschedule(loop.time())
    with pytest.raises(TooMany):
        await first
    monkeypatch.setattr(foreign_messages, "WAIT_S", 0.05)
    with pytest.raises(TooMany):
        await reader.read("b", m.CatalogRequestMessage, {}, 0)
    leave.set()


async def test_refusals_come_from_there_too() -> None:
    with pytest.raises(UnreadableMessage):
        await Foreign(FakeClock()).read("a", m.CatalogRequestMessage, {"@graph": []}, 10)
