"""Data that is sent, and transfers that rest: real sockets, real files, either side decides."""

import asyncio
import json
import os
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from connector.foundation.storage.database import Tx
from connector.identity.trust.did import did as dids
from tests.cities.disk import HeldDisk
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.nasty import NastyPeer, nasty_peer
from tests.testkit.patience import PATIENCE_S, eventually

MIB = 1 << 20
TOWN, VILLAGE = "musterstadt", "nachbardorf"
EDC = "https://w3id.org/edc/v0.0.1/ns/"
CITIES = ("town", "village")


def usual(*values: tuple[str, ...], usual: set[tuple[str, ...]]) -> list[Any]:
    """Every combination of the values; all but the usual ones are `long`."""
    return [one if one in usual else pytest.param(*one, marks=pytest.mark.long) for one in product(*values)]


@pytest.fixture
async def nasty(space: Space) -> Any:
    async with nasty_peer(space) as peer:
        yield peer


async def agreed(town: City, village: City, content: bytes, **slots: str) -> str:
    made = await town.publish(TOWN, content, slots={"until": "31.12.2099", **slots})
    signed = await village.negotiate(VILLAGE, town.did(TOWN), made["dataset"])
    assert signed["state"] == "FINALIZED"
    return str(signed["agreement"])


async def begun(village: City, agreement: str, mode: str) -> str:
    made = await village.api.post(f"/api/v1/participants/{VILLAGE}/transfers", {"agreement": agreement, "mode": mode})
    return str(made["id"])


async def ended(village: City, transfer: str) -> dict[str, Any]:
    return await village.rested(f"/api/v1/participants/{VILLAGE}/transfers/{transfer}")


async def only(city: City, slug: str) -> dict[str, Any]:
    [found] = (await city.api.get(f"/api/v1/participants/{slug}/transfers"))["transfers"]
    return dict(found)


async def say(city: City, slug: str, what: str, **body: str) -> dict[str, Any]:
    """suspend, resume or terminate the one transfer of this participant."""
    found = await only(city, slug)
    said: dict[str, Any] = await city.api.post(f"/api/v1/participants/{slug}/transfers/{found['id']}/{what}", body)
    return said


async def state(city: City, slug: str, wanted: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await only(city, slug))["state"] != wanted:
            await asyncio.sleep(0.02)


async def rows(city: City, slug: str, query: str) -> list[dict[str, Any]]:
    def read(tx: Tx) -> list[dict[str, Any]]:
        return [dict(row) for row in tx.all(query)]

    return await city.services.infra.db.read(slug, read)


ONE_USE = "SELECT id FROM decision WHERE phase = 'access' AND permit = 1"
"""A use is recorded once, in the transaction that counts it."""


def left(city: City) -> list[Path]:
    """Every file that was received or is half received."""
    # Not `rglob`: it raises when a folder goes while it is looked at.
    return [Path(folder, name) for folder, _, names in os.walk(city.settings.data.received) for name in names]


async def test_the_provider_sends_what_was_agreed(town: City, village: City) -> None:
    """>> request with our door << start, the bytes, completion: the same file, both sides COMPLETED, one use."""
    content = b"0123456789abcdef" * (3 * MIB // 16)
    agreement = await agreed(town, village, content)
    received = await ended(village, await begun(village, agreement, "push"))
    assert (received["state"], received["outcome"], received["bytes"]) == ("COMPLETED", "received", len(content))
    assert Path(received["file"]).read_bytes() == content
    theirs = await only(town, TOWN)
    assert (theirs["state"], theirs["outcome"], theirs["bytes"]) == ("COMPLETED", "delivered", len(content))
    assert len(await rows(town, TOWN, ONE_USE)) == 1
    assert len(left(village)) == 1
    for city, slug in ((town, TOWN), (village, VILLAGE)):
        async with asyncio.timeout(PATIENCE_S):
            while await rows(city, slug, "SELECT id FROM outbox WHERE done_at IS NULL"):
                await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("mode", "suspender", "resumer"),
    usual(("pull", "push"), CITIES, CITIES, usual={("pull", "town", "village"), ("push", "village", "town")}),
)
async def test_a_transfer_that_rested_ends_with_the_whole_file(
    mode: str, suspender: str, resumer: str, town: City, village: City, disk: HeldDisk
) -> None:
    """>> suspend in the middle << no further byte; >> resume << a pull goes on where it was, a push begins again."""
    cities = {"town": (town, TOWN), "village": (village, VILLAGE)}
    content = b"0123456789abcdef" * (24 * MIB // 16)
    agreement = await agreed(town, village, content)
    disk.hold(3)
    transfer = await begun(village, agreement, mode)
    await eventually(lambda: len(disk.written) == 3)
    said = await say(*cities[suspender], "suspend", reason="Wartung")
    assert said["state"] == "SUSPENDED"
    for city, slug in cities.values():
        await state(city, slug, "SUSPENDED")
        assert "Wartung" in (await only(city, slug))["reason"]["de"]
    disk.go()
    await eventually(lambda: village.services.plane.streams.count() == 0 == town.services.plane.streams.count())
    rested, before = len(disk.written), sum(path.stat().st_size for path in left(village))
    await asyncio.sleep(0.15)
    assert len(disk.written) == rested
    assert (before > 0) == (mode == "pull")
    await say(*cities[resumer], "resume")
    received = await ended(village, transfer)
    assert (received["state"], received["outcome"]) == ("COMPLETED", "received")
    assert Path(received["file"]).read_bytes() == content
    written = sum(disk.written)
    assert written == len(content) if mode == "pull" else len(content) < written < 2 * len(content)
    assert len(await rows(town, TOWN, ONE_USE)) == 1


@pytest.mark.parametrize(
    ("mode", "stand", "ender"),
    usual(
        ("pull", "push"),
        ("STARTED", "SUSPENDED"),
        CITIES,
        usual={("pull", "STARTED", "village"), ("push", "STARTED", "town"), ("pull", "SUSPENDED", "town")},
    ),
)
async def test_either_side_ends_it_and_nothing_is_left(
    mode: str, stand: str, ender: str, town: City, village: City, disk: HeldDisk
) -> None:
    """>> terminate while bytes flow or rest << TERMINATED on both sides with the reason, no half file, no stream."""
    cities = {"town": (town, TOWN), "village": (village, VILLAGE)}
    agreement = await agreed(town, village, b"x" * (24 * MIB))
    disk.hold(3)
    await begun(village, agreement, mode)
    await eventually(lambda: len(disk.written) == 3)
    if stand == "SUSPENDED":
        await say(*cities[ender], "suspend")
        for city, slug in cities.values():
            await state(city, slug, "SUSPENDED")
    await say(*cities[ender], "terminate", reason="Schluss")
    for city, slug in cities.values():
        await state(city, slug, "TERMINATED")
        assert "Schluss" in (await only(city, slug))["reason"]["de"]
    disk.go()
    await eventually(lambda: village.services.plane.streams.count() == 0 == town.services.plane.streams.count())
    await eventually(lambda: left(village) == [])


@pytest.mark.alone
@pytest.mark.parametrize("pace", [0.2])
async def test_a_push_is_cut_when_the_contract_runs_out(town: City, village: City, slow: list[int]) -> None:
    """30 MiB would take longer than the contract lasts: cut within a second of its end, nothing is kept."""
    agreement = await agreed(town, village, b"x" * (30 * MIB), **{"valid-for": "PT3S"})
    await begun(village, agreement, "push")
    await eventually(lambda: len(slow) >= 2)
    [found] = await rows(town, TOWN, "SELECT expires_at FROM agreement")
    await eventually(lambda: town.services.plane.streams.count() == 0)
    assert -100 < town.services.infra.clock.now() - found["expires_at"] < 1500
    for city, slug in ((town, TOWN), (village, VILLAGE)):
        await state(city, slug, "TERMINATED")
    await eventually(lambda: left(village) == [])


async def test_a_fresh_address_while_it_flows_changes_nothing(town: City, village: City, disk: HeldDisk) -> None:
    """>> the owner renews while bytes flow << they flow on, the old key stays good for what is under way."""
    content = b"x" * (8 * MIB)
    agreement = await agreed(town, village, content)
    for mode, owner in (("pull", (town, TOWN)), ("push", (village, VILLAGE))):
        disk.hold(2)
        transfer = await begun(village, agreement, mode)
        await eventually(lambda: len(disk.written) == 2)
        found = await owner[0].api.get(f"/api/v1/participants/{owner[1]}/transfers")
        renewed = found["transfers"][0]["id"]
        await owner[0].api.post(f"/api/v1/participants/{owner[1]}/transfers/{renewed}/resume")
        disk.go()
        received = await ended(village, transfer)
        assert (received["state"], received["outcome"]) == ("COMPLETED", "received")
        assert sum(disk.written) == len(content)


async def test_a_source_that_is_not_the_agreed_one_is_not_kept(town: City, village: City) -> None:
    """<< other bytes of the same length >> refused at the door, TERMINATED broken, the town reads why."""
    agreement = await agreed(town, village, b"a;b\n1;2\n")
    [path] = [one for one in town.services.catalogue.uploads.folder(TOWN).rglob("*") if one.is_file()]
    path.chmod(0o600)
    path.write_bytes(b"a;b\n1;3\n")
    received = await ended(village, await begun(village, agreement, "push"))
    assert (received["state"], received["outcome"]) == ("TERMINATED", "broken")
    assert "Prüfsumme" in received["reason"]["de"]
    assert "Prüfsumme" in (await only(town, TOWN))["reason"]["de"]
    assert left(village) == []


async def test_a_use_too_many_is_refused_before_a_byte_is_sent(town: City, village: City) -> None:
    """>> a second push under a rule of one use << TERMINATED with the clause; the door never saw it."""
    made = await town.publish(TOWN, rule="pilot", slots={"from": "01.01.2020", "until": "31.12.2099", "count": "1"})
    signed = await village.negotiate(VILLAGE, town.did(TOWN), made["dataset"])
    first = await ended(village, await begun(village, signed["agreement"], "push"))
    assert (first["state"], first["outcome"]) == ("COMPLETED", "received")
    second = await ended(village, await begun(village, signed["agreement"], "push"))
    assert (second["state"], second["outcome"], second["bytes"]) == ("TERMINATED", "refused", 0)
    assert len(left(village)) == 1


# A consumer without manners


async def contract(town: City, nasty: NastyPeer) -> str:
    """An agreement that the nasty peer has with the town."""
    made = await town.publish(TOWN, b"a;b\n1;2\n")
    asked = nasty.contract_request(await nasty.offer(town, TOWN, made["dataset"]))
    started = (await nasty.post(town, TOWN, "/2025-1/negotiations/request", asked)).json
    agreement = (await nasty.heard("/agreement")).json["agreement"]["@id"]
    pids = {name: started[name] for name in ("providerPid", "consumerPid")}
    path = f"/2025-1/negotiations/{started['providerPid']}/agreement/verification"
    said = nasty.message("ContractAgreementVerificationMessage", **pids)
    assert (await nasty.post(town, TOWN, path, said)).status == 200
    await nasty.heard("/events")
    return str(agreement)


def wanting(nasty: NastyPeer, agreement: str, endpoint: str | None, **changes: Any) -> dict[str, Any]:
    """A request to send data to `endpoint`, with the names of EDC."""
    properties = [{"@type": "EndpointProperty", "name": f"{EDC}baseUrl", "value": endpoint}]
    address = {"@type": "DataAddress", "endpointType": "HttpData", "endpointProperties": properties}
    members = {
        "agreementId": agreement,
        "consumerPid": "urn:uuid:9",
        "format": "HttpData-PUSH",
        "callbackAddress": nasty.base,
        "dataAddress": None if endpoint is None else address,
    }
    return nasty.message("TransferRequestMessage", **{**members, **changes})


@pytest.mark.threat("T37")
async def test_no_destination_but_the_peers_own(space: Space, nasty: NastyPeer, town: City) -> None:
    """>> cloud metadata, loopback, another member, another port, plain http << 400 each, and nothing was begun."""
    agreement = await contract(town, nasty)
    other = await space.city("other", {VILLAGE: MUNICIPALITY})
    await space.reload(town, other)
    port = nasty.root.split(":")[2].split("/")[0]
    for endpoint in (
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/x",
        "https://localhost:1/nasty/x",
        f"{other.root(VILLAGE)}/data/in/1",
        f"{town.root(TOWN)}/data/in/1",
        f"http://localhost:{port}/nasty/x",
        f"{nasty.root}/../musterstadt",
        f"{nasty.root}x/y",
        "file:///etc/passwd",
        "",
    ):
        reply = await nasty.post(town, TOWN, "/2025-1/transfers/request", wanting(nasty, agreement, endpoint))
        assert reply.status == 400, endpoint
        assert reply.json["@type"] == "TransferError"
    assert await rows(town, TOWN, "SELECT 1 FROM transfer") == []


@pytest.mark.threat("T37")
@pytest.mark.parametrize("entered", [False, True], ids=["only said", "entered by an operator"])
async def test_a_lying_did_document_opens_no_other_host(
    space: Space, nasty: NastyPeer, town: City, entered: bool
) -> None:
    """>> a DID document that places the connector on a host of ours, a push to there << 400, nothing is sent; what an
    operator entered for the peer is another matter."""
    agreement = await contract(town, nasty)
    async with nasty_peer(space, "inner") as inner:
        document = json.dumps(dids.document(dids.parse(nasty.did), inner.root, nasty.keys)).encode()
        nasty.answers["/did.json"] = lambda got: (200, document)
        town.services.trust.resolver.forget(nasty.did)
        if entered:
            await town.services.participants.enter_peer(TOWN, nasty.did, inner.root)
        asked = wanting(nasty, agreement, f"{inner.root}/in", callbackAddress=inner.base)
        reply = await nasty.post(town, TOWN, "/2025-1/transfers/request", asked)
        assert reply.status == (201 if entered else 400)
        if entered:
            assert (await inner.heard("/in")).body == b"a;b\n1;2\n"
        else:
            assert "we send nothing to it" in reply.json["reason"][1]
            assert await rows(town, TOWN, "SELECT 1 FROM transfer") == []
            assert [(one.method, one.path) for one in inner.inbox] == [("GET", "/did.json")]


@pytest.mark.parametrize("entered", [False, True])
async def test_a_peer_without_a_data_service_may_begin_where_an_operator_entered_it(
    nasty: NastyPeer, town: City, entered: bool
) -> None:
    """>> a request of a peer whose DID document names no connector << 400; with what an operator entered << 201."""
    agreement = await contract(town, nasty)
    document = dids.document(dids.parse(nasty.did), nasty.root, nasty.keys)
    nasty.answers["/did.json"] = lambda got: (200, json.dumps({**document, "service": []}).encode())
    town.services.trust.resolver.forget(nasty.did)
    if entered:
        await town.services.participants.enter_peer(TOWN, nasty.did, nasty.root)
    asked = wanting(nasty, agreement, f"{nasty.root}/in")
    assert (await nasty.post(town, TOWN, "/2025-1/transfers/request", asked)).status == (201 if entered else 400)


async def test_what_a_request_must_say(nasty: NastyPeer, town: City) -> None:
    """>> push without an address, another format << 400; an address in a pull is dropped; the same request again."""
    agreement = await contract(town, nasty)
    path = "/2025-1/transfers/request"
    for wrong in (
        wanting(nasty, agreement, None),
        wanting(nasty, agreement, f"{nasty.root}/x", format="AmazonS3-PUSH"),
        wanting(nasty, agreement, f"{nasty.root}/x", format="httpdata-push"),
    ):
        assert (await nasty.post(town, TOWN, path, wrong)).status == 400
    pull = wanting(nasty, agreement, "https://169.254.169.254/", format="HttpData-PULL")
    first = await nasty.post(town, TOWN, path, pull)
    again = await nasty.post(town, TOWN, path, {**pull, "@id": "urn:uuid:other"})
    assert (first.status, again.status, again.json["providerPid"]) == (201, 200, first.json["providerPid"])
    assert "dataAddress" in (await nasty.heard("/start")).json
    assert [row["address"] for row in await rows(town, TOWN, "SELECT address FROM flow")] == [None]


@pytest.mark.threat("T37")
async def test_a_receiver_that_sends_us_elsewhere_gets_nothing_more(space: Space, nasty: NastyPeer, town: City) -> None:
    """<< 302 to another member >> TERMINATED with a reason; the other one hears nothing."""
    agreement = await contract(town, nasty)
    nasty.answers["/in"] = lambda got: (302, b"")
    reply = await nasty.post(town, TOWN, "/2025-1/transfers/request", wanting(nasty, agreement, f"{nasty.root}/in"))
    assert reply.status == 201
    told = (await nasty.heard("/termination")).json
    assert "302" in told["reason"][0]
    assert [one.path for one in nasty.inbox].count("/in") == 1
    assert (await only(town, TOWN))["outcome"] == "broken"


async def test_a_receiver_that_says_no_is_believed_after_a_while(nasty: NastyPeer, town: City) -> None:
    """<< 403 with a sentence, four times >> TERMINATED refused, and the sentence is in the log of the town."""
    agreement = await contract(town, nasty)
    nasty.answers["/in"] = lambda got: (403, b'{"reason": ["Kein Platz.", "No room."]}')
    await nasty.post(town, TOWN, "/2025-1/transfers/request", wanting(nasty, agreement, f"{nasty.root}/in"))
    await nasty.heard("/termination")
    assert [one.path for one in nasty.inbox].count("/in") == 4
    mine = await only(town, TOWN)
    assert (mine["state"], mine["outcome"], mine["reason"]["en"]) == ("TERMINATED", "refused", "No room.")


async def test_what_is_sent_comes_whole_with_its_key_and_nothing_of_ours(nasty: NastyPeer, town: City) -> None:
    """>> the file with the peer's own header << no token of ours, no name of our software."""
    agreement = await contract(town, nasty)
    asked = wanting(nasty, agreement, f"{nasty.root}/in")
    asked["dataAddress"]["endpointProperties"] += [
        {"@type": "EndpointProperty", "name": f"{EDC}authKey", "value": "X-Api-Key"},
        {"@type": "EndpointProperty", "name": f"{EDC}authCode", "value": "ihr-geheimnis"},
    ]
    await nasty.post(town, TOWN, "/2025-1/transfers/request", asked)
    came = await nasty.heard("/in")
    assert (came.body, came.headers["X-Api-Key"], came.headers["Content-Type"]) == (
        b"a;b\n1;2\n",
        "ihr-geheimnis",
        "text/csv",
    )
    assert not {"Authorization", "User-Agent", "Cookie"} & set(came.headers)
    await nasty.heard("/completion")
    for table in ("outbox", "transfer", "flow", "audit_entry"):
        kept = await rows(town, TOWN, f"SELECT * FROM {table}")
        assert b"ihr-geheimnis" not in b"".join(_raw(value) for row in kept for value in row.values())


@pytest.mark.threat("T38")
async def test_a_provider_cannot_open_the_door_of_another_flow(town: City, village: City, nasty: NastyPeer) -> None:
    """>> anybody at the door of a flow, with a token of its own or none << 401; the flow is as it was."""
    agreement = await agreed(town, village, b"a;b\n1;2\n")
    transfer = await begun(village, agreement, "push")
    url = f"{village.root(VILLAGE)}/data/in/{transfer}"
    for token in (None, nasty.token(village.did(VILLAGE)), "x" * 43):
        assert (await nasty.call("POST", url, b"x", token=token)).status == 401
    assert (await nasty.call("GET", url)).status == 405
    received = await ended(village, transfer)
    assert (received["state"], received["outcome"]) == ("COMPLETED", "received")


def _raw(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
