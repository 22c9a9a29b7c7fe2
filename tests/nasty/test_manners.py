"""Every bad manner at every point where a peer is called: the exchange goes on or says why, and others notice nothing.

One test per manner. Eight strangers have it at once, each at another turn, while town and village do business; what
cannot be had at once is looked at again at the end, when the strangers are gone.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.nasty.world import TOWN, Host, World, taken, told
from tests.testkit.cities import Refused
from tests.testkit.conduct import Buying
from tests.testkit.manners import EVERY, Manner
from tests.testkit.nasty import NastyPeer
from tests.testkit.patience import eventually_said

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.threat("T15"), pytest.mark.alone]

DECENT = {"late", "twice", "100 then an answer", "no media type", "an odd media type", "numbers for pids"}
"""Odd, but what is needed of the answer arrives."""
TAKEN = DECENT | {"html", "an empty 200", "204", "an array", "no JSON", "deep JSON"}
"""Whatever the body is, a 2xx says that a message was taken."""
FLOODS = {"a gigabyte", "endless"}
USUAL = {
    "silent",
    "twice",
    "half a body",
    "drips",
    "a gigabyte",
    "endless headers",
    "redirect inward",
    "204",
    "deep JSON",
    "busy for years",
    "status 999",
    "no HTTP",
}
"""One of each kind; the others are `long`."""
EXCUSES = {"no-answer", "peer-busy", "peer-says-no", "circuit-open"}
MEMORY = 192 << 20


class Stuck:
    """Transfers whose bytes did not come while their provider was there, and the memory at the beginning."""

    def __init__(self, world: World) -> None:
        self.transfers: list[str] = []
        self.held = {host.slug: resident(host) for host in (world.town, world.village)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stuck(world: World) -> AsyncIterator[Stuck]:
    yield Stuck(world)


def resident(host: Host) -> int:
    """Bytes of memory of a process."""
    return int(Path(f"/proc/{host.process.pid}/statm").read_text().split()[1]) * 4096


async def settled(host: Host, id_: str, name: str) -> None:
    """The message counts as taken, or its row waits and the operator reads why."""

    async def seen() -> bool:
        rows = [row for row in host.outbox(id_) if row["kind"] == "message"]
        if name in TAKEN:
            return not rows
        return (await host.why(id_))["code"] in EXCUSES and bool(rows) and rows[0]["attempts"] > 0

    await eventually_said(seen)


async def at_the_callback(world: World, nasty: NastyPeer, name: str, manner: Manner) -> None:
    """>> our agreement meets the manner, then the verification comes all the same << FINALIZED."""
    nasty.manners["/agreement"] = manner
    buying = Buying(nasty, world.town, TOWN)
    assert (await buying.request(world.dataset)).status == 201
    id_ = buying.pids["providerPid"]
    await nasty.heard("/agreement")
    await settled(world.town, id_, name)
    nasty.manners.clear()
    assert (await buying.verify()).status == 200
    assert (await world.town.negotiation(id_, "10"))["state"] == "FINALIZED"


async def at_the_request(world: World, nasty: NastyPeer, name: str, manner: Manner) -> None:
    """>> our request meets the manner, then an agreement comes all the same << we verify it."""
    selling = world.selling(nasty)
    nasty.manners["/negotiations/request"] = manner
    id_ = await world.village.ask(nasty.did, selling.dataset)
    await nasty.heard("/negotiations/request")
    await settled(world.village, id_, name)
    nasty.manners.clear()
    assert (await selling.agree()).status == 200
    await nasty.heard("/agreement/verification")


async def at_a_question(world: World, nasty: NastyPeer, name: str, manner: Manner, ending: str) -> None:
    """>> what we have to know before we can ask meets the manner << the request goes out, or we say why not."""
    selling = world.selling(nasty)
    nasty.manners[ending] = manner
    refused: Refused | None = None
    try:
        await world.village.ask(nasty.did, selling.dataset)
    except Refused as no:
        refused = no
    if refused is not None:
        told(refused)
    if name != "twice":  # whose second answer may meet our next question to it, and then answers that one wrongly
        assert (refused is None) is (name in DECENT), refused


async def at_the_catalogue(world: World, nasty: NastyPeer, name: str, manner: Manner) -> None:
    """>> a search meets the manner << the datasets, or the provider among those that failed, with the reason."""
    selling = world.selling(nasty)
    nasty.manners["/catalog/request"] = manner
    found = await world.village.api.get(f"{world.village.base}/find", **{"from": nasty.did})
    if name in DECENT:
        assert [one["dataset"] for one in found["results"]] == [selling.dataset]
        return
    assert found["results"] == []
    [failed] = found["failed"]
    assert failed["provider"] == nasty.did
    assert failed["reason"]["de"] != failed["reason"]["en"]


async def at_the_objects(world: World, nasty: NastyPeer, name: str, manner: Manner) -> None:
    """>> what a seal refers to comes in this manner << it ends with a reason, or the operator reads why not yet."""
    selling = world.selling(nasty)
    id_ = await world.village.ask(nasty.did, selling.dataset)
    await nasty.heard("/negotiations/request")
    message = selling.sealed()
    nasty.manners |= dict.fromkeys(selling.objects, manner)
    await taken(lambda: selling.say("agreement", message))
    await nasty.heard(selling.objects[0])

    async def explained() -> bool:
        found = await world.village.negotiation(id_)
        if found["state"] == "TERMINATED":
            ended(found)
            return True
        return (await world.village.why(id_))["code"] == "work-fails"

    await eventually_said(explained)


async def at_the_data(world: World, nasty: NastyPeer, name: str, manner: Manner, stuck: Stuck) -> None:
    """>> the bytes come in this manner << they are here, or it has ended with a reason, or it goes on trying."""
    selling = world.selling(nasty)
    nasty.manners["/data/1"] = manner
    id_ = await world.village.ask(nasty.did, selling.dataset)
    await nasty.heard("/negotiations/request")
    await taken(selling.agree)
    await nasty.heard("/agreement/verification")
    await taken(selling.finalize)
    agreement = (await world.village.negotiation(id_))["agreement"]
    wish = {"agreement": agreement}
    transfer = (await world.village.api.post(f"{world.village.base}/transfers", wish))["id"]
    await nasty.heard("/transfers/request")
    await taken(selling.start)
    await nasty.heard("/data/1")
    await asyncio.sleep(0.2)
    found = await world.village.transfer(transfer, "30" if name in DECENT | FLOODS else "0")
    if name in DECENT:
        assert (found["state"], found["outcome"]) == ("COMPLETED", "received")
    elif name in FLOODS:
        assert (found["state"], found["outcome"]) == ("TERMINATED", "broken")
        assert "4000000" in found["reason"]["de"]
    elif found["state"] == "STARTED":
        stuck.transfers.append(transfer)
    else:
        ended(found)


def ended(found: dict[str, Any]) -> None:
    assert found["state"] in ("COMPLETED", "TERMINATED"), found
    if found["state"] == "TERMINATED":
        assert found["reason"]["de"], found
        assert found["reason"]["en"], found


@pytest.mark.parametrize(
    "name", [name if name in USUAL else pytest.param(name, marks=pytest.mark.long) for name in EVERY]
)
async def test_a_bad_manner_harms_nobody_else(world: World, stuck: Stuck, name: str) -> None:
    """>> the manner at eight turns of eight strangers << as each of them says above; an honest exchange meanwhile."""
    hooks = {"did": "/did.json", "versions": "/dspace-version", "dataset": "/datasets/1"}
    turns = [*hooks, "callback", "request", "catalogue", "objects", "data"]
    async with world.strangers(turns) as peers, asyncio.TaskGroup() as all_:
        manner = EVERY[name]
        all_.create_task(world.honest())
        all_.create_task(at_the_callback(world, peers["callback"], name, manner))
        all_.create_task(at_the_request(world, peers["request"], name, manner))
        all_.create_task(at_the_catalogue(world, peers["catalogue"], name, manner))
        all_.create_task(at_the_objects(world, peers["objects"], name, manner))
        all_.create_task(at_the_data(world, peers["data"], name, manner, stuck))
        for hook, ending in hooks.items():
            all_.create_task(at_a_question(world, peers[hook], name, manner, ending))


async def test_whoever_is_gone_is_said_to_be_gone(world: World, stuck: Stuck) -> None:
    """The transfers that were left: each ended with a reason, or its errand waits and the operator reads why."""
    for transfer in stuck.transfers[:-6]:  # the last have hardly begun to try

        async def explained(id_: str = transfer) -> bool:
            found = await world.village.transfer(id_)
            if found["state"] != "STARTED":
                ended(found)
                return True
            return (await world.village.why(id_))["code"] == "work-fails"

        await eventually_said(explained)
    assert stuck.transfers


async def test_nothing_of_it_is_kept_in_memory(world: World, stuck: Stuck) -> None:
    """Gigabytes came along; a part of one is what a process may have grown by. Town and village are well."""
    for host in (world.town, world.village):
        assert resident(host) - stuck.held[host.slug] < MEMORY
    await world.honest()
