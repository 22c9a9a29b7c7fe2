"""A callback address decides where we post with our token: only below the root of the caller's DID document (T01)."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connector.foundation.storage.database import Tx
from connector.identity.trust.did import did as dids
from tests.surfaces.peer import one_city
from tests.testkit.cities import City
from tests.testkit.nasty import NastyPeer

pytestmark = pytest.mark.asyncio(loop_scope="module")
it, made, nasty, space = one_city.it, one_city.made, one_city.nasty, one_city.space


class Canary:
    """A listener on loopback that nobody should ever connect to."""

    def __init__(self) -> None:
        self.port = 0
        self.hits = 0


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    seen = Canary()

    async def hit(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.hits += 1
        writer.close()

    server = await asyncio.start_server(hit, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    yield seen
    server.close()


def inward(canary: Canary, nasty: NastyPeer) -> list[str]:
    """Addresses that are not below the caller's root, in all the spellings that once worked somewhere."""
    port, origin = canary.port, nasty.root.rpartition("/")[0]
    own = nasty.root.removeprefix("https://")
    hosts = [
        "localhost",
        "127.0.0.1",
        "[::1]",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "localhost.",
        "LOCALHOST",
        "127.0.0.1.",
        "169.254.169.254",
        "metadata.google.internal",
        "10.0.0.1",
        "192.168.0.1",
    ]
    return [
        *(f"https://{host}:{port}/nasty/2025-1" for host in hosts),
        f"http://localhost:{port}/nasty",
        f"ftp://localhost:{port}/",
        "file:///etc/passwd",
        f"gopher://localhost:{port}/x",
        "unix:///run/hanse.sock",
        f"//localhost:{port}/",
        "javascript:alert(1)",
        "",
        " ",
        "nasty",
        f"https://{own}@localhost:{port}/",
        f"https://localhost:{port}#{own}",
        f"https://localhost:{port}?{own}",
        f"https://localhost:{port}\\@{own}",
        f"https://localhost:{port}/%0d%0aHost:%20x",
        "https://x\r\nX: y",
        f"{nasty.root}/../other",
        f"{nasty.root}/%2e%2e/other",
        f"{nasty.root}/%252e/x?y",
        f"{nasty.root}2/2025-1",
        f"{nasty.root}-evil/2025-1",
        f"{origin}/",
        f"{origin}/musterstadt/2025-1",
        f"{nasty.root}//evil",
        f"{nasty.root}/x?y=z",
        f"{nasty.root}/%2f..",
        f"{nasty.root}/..;/x",
        f"{nasty.root}\\..\\x",
        f"{nasty.root}/%00",
        nasty.root.replace("https", "http"),
        nasty.root.replace("localhost", "localhost.evil.example"),
    ]


def processes(tx: Tx) -> list[int]:
    """How much was begun, and how much is to be sent."""
    found = [tx.one(f"SELECT count(*) AS n FROM {table}") for table in ("negotiation", "transfer", "outbox")]
    return [int(row["n"]) for row in found if row is not None]


@pytest.mark.threat("T01")
async def test_no_callback_leads_us_anywhere_else(
    it: City, nasty: NastyPeer, canary: Canary, made: dict[str, Any]
) -> None:
    """>> some fifty callback addresses in requests for a contract << 400, no negotiation, no connection."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    addresses, before = inward(canary, nasty), await it.services.infra.db.read("musterstadt", processes)
    assert len(addresses) >= 40
    for address in addresses:
        asked = nasty.contract_request(offer, callbackAddress=address)
        reply = await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", asked)
        assert (address, reply.status) == (address, 400)
        assert reply.json["@type"] == "ContractNegotiationError"
    assert await it.services.infra.db.read("musterstadt", processes) == before
    assert canary.hits == 0
    assert {one.path for one in nasty.inbox} <= {"/did.json"}


@pytest.mark.threat("T01")
async def test_nor_does_one_in_a_transfer(it: City, nasty: NastyPeer, canary: Canary) -> None:
    """>> the same addresses in a request for a transfer << 400 before the contract is even looked up."""
    for address in inward(canary, nasty):
        asked = nasty.message(
            "TransferRequestMessage",
            consumerPid="urn:uuid:c",
            agreementId="urn:uuid:a",
            format="HttpData-PULL",
            callbackAddress=address,
        )
        reply = await nasty.post(it, "musterstadt", "/2025-1/transfers/request", asked)
        assert (address, reply.status) == (address, 400)
    assert canary.hits == 0


@pytest.mark.threat("T01")
async def test_a_callback_that_is_no_text_is_refused(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    for value in (None, 7, [], {}, ["https://localhost"], True):
        asked = {**nasty.contract_request(offer), "callbackAddress": value}
        assert (await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", asked)).status == 400


@pytest.mark.threat("T01")
async def test_a_did_document_that_points_inward_is_no_address(
    it: City, nasty: NastyPeer, canary: Canary, made: dict[str, Any]
) -> None:
    """>> a DataService at another host of ours, the callback below the old root << refused, nothing is sent."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    it.services.trust.resolver.forget(nasty.did)
    inner = f"https://localhost:{canary.port}/nasty"

    document = json.dumps(dids.document(dids.parse(nasty.did), inner, nasty.keys)).encode()
    nasty.answers["/did.json"] = lambda got: (200, document)
    asked = nasty.contract_request(offer, callbackAddress=nasty.base)
    assert (await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", asked)).status == 400
    assert canary.hits == 0


async def test_the_right_callback_is_called(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """The forms above do not fail for another reason: with its own base the peer gets the agreement."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    asked = nasty.contract_request(offer)
    reply = await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", asked)
    assert reply.status == 201, reply.body
    heard = await nasty.heard("/agreement")
    assert heard.json["consumerPid"] == asked["consumerPid"]
    assert heard.headers["Authorization"].startswith("Bearer ")
