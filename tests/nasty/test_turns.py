"""Peers that speak out of turn, twice, in others' names or not at all, and such as are not whom they say they are."""

import asyncio
import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from connector.foundation.clock import SystemClock
from connector.foundation.http.server import tls_server
from connector.foundation.ids import new_id
from connector.identity.trust.development import dev_ca
from connector.identity.trust.did import did as dids
from tests.nasty.world import TOWN, VILLAGE, World, taken, told
from tests.testkit import manners
from tests.testkit.cities import Refused
from tests.testkit.conduct import DATA, Buying, Selling
from tests.testkit.nasty import NastyPeer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.threat("T33"), pytest.mark.alone]


async def agreed(world: World, selling: Selling) -> str:
    """A negotiation of the village in which we have said AGREED; its id."""
    id_ = await world.village.ask(selling.nasty.did, selling.dataset)
    await selling.nasty.heard("/negotiations/request")
    await taken(selling.agree)
    return id_


async def signed(world: World, selling: Selling) -> dict[str, Any]:
    """The same to its end."""
    id_ = await agreed(world, selling)
    await selling.nasty.heard("/agreement/verification")
    await taken(selling.finalize)
    return await world.village.negotiation(id_)


# As the village's provider


async def test_an_agreement_twice_is_one_and_another_is_none(world: World) -> None:
    """>> the same agreement again << 200 and one verification; a second one << 400, the first stands."""
    async with world.strangers(["one"]) as peers:
        selling = world.selling(peers["one"])
        id_ = await world.village.ask(selling.nasty.did, selling.dataset)
        await selling.nasty.heard("/negotiations/request")
        told_once = selling.nasty.message("ContractAgreementMessage", **selling.pids, agreement=selling.agreement())
        await taken(lambda: selling.say("agreement", told_once))
        await selling.nasty.heard("/agreement/verification")
        assert (await selling.say("agreement", told_once)).status == 200
        assert (await selling.agree()).status == 400
        found = await world.village.negotiation(id_)
        assert found["agreement"] == told_once["agreement"]["@id"]
        heard = [one for one in selling.nasty.inbox if one.path.endswith("/agreement/verification")]
        assert len({one.body for one in heard}) == 1


async def test_finalized_comes_when_it_is_due_and_not_before(world: World) -> None:
    """>> FINALIZED before any agreement, and before we verified << 400; after it << 200, and again << 200."""
    async with world.strangers(["one"]) as peers:
        selling = world.selling(peers["one"])
        id_ = await world.village.ask(selling.nasty.did, selling.dataset)
        await selling.nasty.heard("/negotiations/request")
        assert (await selling.finalize()).status == 400
        selling.nasty.manners["/agreement/verification"] = manners.silent
        await taken(selling.agree)
        event = selling.nasty.message("ContractNegotiationEventMessage", **selling.pids, eventType="FINALIZED")
        await selling.nasty.heard("/agreement/verification")
        for _ in range(2):
            assert (await selling.say("events", event)).status == 200
        assert (await world.village.negotiation(id_))["state"] == "FINALIZED"
        assert world.village.outbox(id_) == []  # our verification was answered by what came after it (rule 5)


async def test_old_messages_replayed_change_nothing(world: World) -> None:
    """>> the agreement and FINALIZED from before, with fresh tokens and with the old one << 200 unchanged; 401."""
    async with world.strangers(["one"]) as peers:
        nasty, selling = peers["one"], world.selling(peers["one"])
        found = await signed(world, selling)
        before = world.village.process.rows("SELECT * FROM agreement WHERE id = ?", found["agreement"])
        path = f"/2025-1/negotiations/{selling.pids['consumerPid']}"
        token = nasty.token(world.village.did())
        event = nasty.message("ContractNegotiationEventMessage", **selling.pids, eventType="FINALIZED")
        url = f"{world.village.root()}{path}/events"
        replies = [await nasty.call("POST", url, event, token=token) for _ in range(2)]
        assert [reply.status for reply in replies] == [400, 401]
        assert (await selling.agree()).status == 400
        assert (
            await selling.say(
                "termination", selling.nasty.message("ContractNegotiationTerminationMessage", **selling.pids)
            )
        ).status == 400
        assert world.village.process.rows("SELECT * FROM agreement WHERE id = ?", found["agreement"]) == before
        assert (await world.village.negotiation(found["id"]))["state"] == "FINALIZED"


async def test_a_pid_that_belongs_to_another_is_just_a_name(world: World) -> None:
    """>> 201 with the pid of a stranger's negotiation and a foreign consumerPid << ours stays ours, theirs theirs."""
    async with world.strangers(["one", "two"]) as peers:
        first, second = world.selling(peers["one"]), world.selling(peers["two"])
        id_ = await world.village.ask(first.nasty.did, first.dataset)
        await first.nasty.heard("/negotiations/request")
        second.nasty.manners["/negotiations/request"] = manners.changed(
            providerPid=first.pids["providerPid"], consumerPid=id_
        )
        other = await world.village.ask(second.nasty.did, second.dataset)
        await second.nasty.heard("/negotiations/request")
        assert (await second.agree()).status == 400  # not the pid that it told us
        second.pids["providerPid"] = first.pids["providerPid"]
        assert (await taken(second.agree)).json["consumerPid"] == other
        second.pids["consumerPid"] = id_
        assert (await second.agree()).status == 404  # the negotiation of the first is not there for the second
        await taken(first.agree)
        assert {(await world.village.negotiation(one))["counterparty"] for one in (id_, other)} == {
            first.nasty.did,
            second.nasty.did,
        }


async def test_a_start_overtakes_the_answer_to_the_request(world: World) -> None:
    """>> START while our transfer request still waits for its 201 << taken, and the bytes arrive."""
    async with world.strangers(["one"]) as peers:
        selling = world.selling(peers["one"])
        found = await signed(world, selling)
        selling.nasty.manners["/transfers/request"] = manners.silent
        wish = {"agreement": found["agreement"]}
        transfer = (await world.village.api.post(f"{world.village.base}/transfers", wish))["id"]
        await selling.nasty.heard("/transfers/request")
        assert (await selling.start()).status == 200
        received = await world.village.transfer(transfer, "10")
        assert (received["state"], received["outcome"]) == ("COMPLETED", "received")
        assert await asyncio.to_thread(Path(received["file"]).read_bytes) == DATA
        assert (await selling.start()).status == 400
        assert (await world.village.transfer(transfer))["state"] == "COMPLETED"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://localhost:1/data",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
        "https://user@localhost:1/",
        "",
    ],
)
async def test_an_address_of_data_that_we_do_not_call(world: World, endpoint: str) -> None:
    """>> START with an address that is not https or not outside << refused, or ended with a reason; nothing fetched."""
    async with world.strangers(["one"]) as peers:
        selling = world.selling(peers["one"])
        found = await signed(world, selling)
        wish = {"agreement": found["agreement"]}
        transfer = (await world.village.api.post(f"{world.village.base}/transfers", wish))["id"]
        await selling.nasty.heard("/transfers/request")
        reply = await selling.start(endpoint or "nonsense")
        assert reply.status in (200, 400), reply.body
        if reply.status == 200:
            ended = await world.village.transfer(transfer, "10")
            assert (ended["state"], ended["outcome"]) == ("TERMINATED", "broken")
            assert ended["reason"]["de"]
        else:
            assert reply.json["@type"] == "TransferError"
        assert not [one for one in selling.nasty.inbox if one.path.startswith("/data")]


# As the town's consumer


async def test_what_a_consumer_says_out_of_turn(world: World) -> None:
    """>> ACCEPTED, a counter-offer, FINALIZED at AGREED, all after the end << 400 each; the contract stands."""
    async with world.strangers(["one"]) as peers:
        nasty = peers["one"]
        buying = Buying(nasty, world.town, TOWN)
        assert (await buying.request(world.dataset)).status == 201
        agreement = (await nasty.heard("/agreement")).json["agreement"]["@id"]
        offer = await nasty.offer(world.town, TOWN, world.dataset)
        wrong = [
            ("events", buying.message("ContractNegotiationEventMessage", eventType="ACCEPTED")),
            ("events", buying.message("ContractNegotiationEventMessage", eventType="FINALIZED")),
            ("request", buying.message("ContractRequestMessage", offer=offer)),
        ]
        for path, message in wrong:
            assert (await buying.say(path, message)).status == 400
        assert await buying.state() == "AGREED"
        assert (await buying.verify()).status == 200
        await nasty.heard("/events")
        for path, message in wrong:
            assert (await buying.say(path, message)).status == 400
        assert (await buying.terminate()).status == 400
        assert await buying.state() == "FINALIZED"
        assert (await buying.fetch(agreement)).status == 201
        assert (await buying.fetch(new_id())).status == 404


@pytest.mark.threat("T36")
async def test_a_consumer_that_never_answers_is_shown_and_holds_up_nobody(world: World) -> None:
    """>> twenty agreements that are never answered << the town works on, and says of each what it waits for."""
    async with world.strangers(["one"]) as peers:
        nasty = peers["one"]
        nasty.manners["/agreement"] = manners.silent
        buying = [Buying(nasty, world.town, TOWN) for _ in range(20)]
        assert {(await one.request(world.dataset)).status for one in buying} == {201}
        await world.honest()
        for one in buying:
            cause = await world.town.why(one.pids["providerPid"])
            assert cause["code"] in ("no-answer", "being-sent", "circuit-open", "circuit-open-untried"), cause
            assert len(world.town.outbox(one.pids["providerPid"])) == 1


@pytest.mark.parametrize("size", ["9" * 5_000, "-1", "1e9", "½", "٣", ""])
async def test_a_size_that_is_none(world: World, size: str) -> None:
    """>> a dataset whose size is no number, or one that no file has << it is found, and its size is unknown."""
    async with world.strangers(["one"]) as peers:
        selling = world.selling(peers["one"])
        selling.show({**world.entry, "dcat:byteSize": size})
        found = await world.village.api.get(f"{world.village.base}/find", **{"from": peers["one"].did})
        assert [one["bytes"] for one in found["results"]] == [None]


# Not whom they say they are

LIES: dict[str, Callable[[NastyPeer, dict[str, Any]], Any]] = {
    "of another": lambda nasty, right: {**right, "id": "did:web:example.org"},
    "of the town": lambda nasty, right: {**right, "id": f"{right['id'].rpartition(':')[0]}:musterstadt"},
    "no service": lambda nasty, right: {**right, "service": []},
    "a service inside": lambda nasty, right: _service(right, "https://169.254.169.254/2025-1"),
    "a service without TLS": lambda nasty, right: _service(right, "http://localhost:1/2025-1"),
    "no keys": lambda nasty, right: {**right, "verificationMethod": [], "capabilityInvocation": []},
    "keys of nothing": lambda nasty, right: {**right, "verificationMethod": [{"id": 7}, None]},
    "a thousand keys": lambda nasty, right: {**right, "verificationMethod": right["verificationMethod"] * 1000},
    "ten megabytes": lambda nasty, right: {**right, "x": "y" * 10_000_000},
    "a list": lambda nasty, right: [right],
    "members twice": lambda nasty, right: json.dumps(right)[:-1] + ',"id":"did:web:example.org"}',
}


def _service(right: dict[str, Any], endpoint: str) -> dict[str, Any]:
    return {**right, "service": [{"id": "#dsp", "type": "DataService", "serviceEndpoint": endpoint}]}


@pytest.mark.threat("T02")
@pytest.mark.parametrize("lie", LIES)
async def test_a_did_document_that_lies(world: World, lie: str) -> None:
    """>> as somebody to ask, and as somebody who asks << no, and why; no request goes where the document points."""
    async with world.strangers(["one"]) as peers:
        nasty, selling = peers["one"], world.selling(peers["one"])
        right = json.loads(json.dumps(dids.document(dids.parse(nasty.did), nasty.root, nasty.keys)))
        value = LIES[lie](nasty, right)
        body = (value if isinstance(value, str) else json.dumps(value)).encode()
        nasty.answers["/did.json"] = lambda got: (200, body)
        if lie != "no keys":
            with pytest.raises(Refused) as refused:
                await world.village.ask(nasty.did, selling.dataset)
            told(refused.value)
        reply = await nasty.post(
            world.town, TOWN, "/2025-1/negotiations/request", nasty.contract_request(world.entry["hasPolicy"][0])
        )
        assert 400 <= reply.status < 500, reply.body
        assert reply.json["@type"] == "ContractNegotiationError"
        await asyncio.gather(world.town.well(), world.village.well())


def _others(folder: Path) -> ssl.SSLContext:
    """A server certificate of an authority that nobody knows."""
    made = dev_ca.create(folder, SystemClock())
    return tls_server(made.server, made.server_key)


def _nobody(folder: Path) -> ssl.SSLContext:
    """No certificate at all: every handshake fails."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


@pytest.mark.threat("T23")
@pytest.mark.parametrize("made", [_others, _nobody], ids=["an authority that nobody knows", "no certificate"])
async def test_a_peer_whose_tls_fails(world: World, tmp_path: Path, made: Callable[[Path], ssl.SSLContext]) -> None:
    """>> a request to it << 503 that says that it cannot be reached; business goes on."""
    async with world.strangers(["one"], tls=made(tmp_path)) as peers:
        with pytest.raises(Refused) as refused:
            await world.village.ask(peers["one"].did, f"{peers['one'].root}/datasets/1")
        told(refused.value)
        assert refused.value.problem["code"] == "http.unreachable"
        assert peers["one"].inbox == []
        await world.honest()


@pytest.mark.threat("T23")
async def test_a_peer_that_takes_the_connection_and_never_shakes_hands(world: World) -> None:
    """>> a port that only listens << given up as soon as our patience ends; business goes on meanwhile."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda reader, writer: held.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with world.strangers(["one"]) as peers:
        peers["one"].did = dids.of_root(f"https://localhost:{port}/one")
        await peers["one"].enlist()
        await world.reload()
        asking = asyncio.create_task(world.village.ask(peers["one"].did, "urn:x"))
        await world.honest()
        with pytest.raises(Refused) as refused:
            await asking
        assert refused.value.problem["code"] == "http.too-slow"
        assert held
    server.close()
    for writer in held:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_all_of_it_leaves_the_town_as_it_was(world: World) -> None:
    """What decent members do still works, and nobody's negotiation changed hands."""
    await world.honest()
    names = {row["counterparty"] for row in world.town.process.rows("SELECT counterparty FROM negotiation")}
    assert world.village.did() in names
    assert VILLAGE not in names
