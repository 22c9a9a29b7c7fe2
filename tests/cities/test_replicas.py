"""Two replicas of a provider behind one address, on PostgreSQL: one dies, the exchange completes on the other."""

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest

from connector.verify.bundle import verify_bundle
from tests.cities.disk import HeldDisk
from tests.cities.replicas import Provider, provider, publish, village
from tests.testkit.cities import MUNICIPALITY, PURPOSE, City
from tests.testkit.pair import TOWN, VILLAGE, patiently, revived
from tests.testkit.patience import eventually, eventually_said
from tests.testkit.processes import Process

__all__ = ["provider", "village"]
MIB = 1 << 20


async def proven(provider: Provider, process: Process, agreement: str) -> None:
    path = f"/api/v1/participants/{TOWN}/agreements/{agreement.removeprefix('urn:uuid:')}/evidence"
    report = verify_bundle(await patiently(lambda: process.api.get(path)), provider.space.roots, "de")
    assert report.holds_apart_from_time, report.reason


def gapless(provider: Provider) -> None:
    """Every leaf has one place in the log, and every chain its full count."""
    leaves = provider.rows("SELECT leaf_index AS i FROM audit_entry WHERE leaf_index IS NOT NULL ORDER BY leaf_index")
    assert [row["i"] for row in leaves] == list(range(len(leaves)))
    sizes = provider.rows("SELECT size FROM audit_seal ORDER BY size")
    assert sizes[-1]["size"] == len(leaves)


@pytest.mark.parametrize("when", ["before", pytest.param("after", marks=pytest.mark.long)])
async def test_a_replica_dies_during_a_negotiation_and_the_other_completes_it(
    when: str, provider: Provider, village: City
) -> None:
    """Whichever commit it dies at: the same negotiation is finalized, with one agreement on either side.

    Bug: the village looked for the town's DID document just when the replica died, and did not ask again for half a
    minute (spec/trust.md 1.3). So it knows the town before anybody dies.
    """
    did, dataset = await publish(provider, b"a;b\n1;2\n")
    wish = {"provider": did, "dataset": dataset, "purpose": PURPOSE}
    await village.api.post(f"/api/v1/participants/{VILLAGE}/terms", wish)
    deaths = 0
    for step in range(1, 7):
        assert await provider.a.say(f"{when} {step}") == "armed"
        async with revived(provider.a) as codes:
            signed = await patiently(lambda: village.negotiate(VILLAGE, did, dataset))
            assert signed["state"] == "FINALIZED", signed
            received = await village.fetch(VILLAGE, signed["agreement"])
            assert (received["state"], received["outcome"]) == ("COMPLETED", "received"), received
            await proven(provider, provider.b, signed["agreement"])
        deaths += len(codes)
    assert deaths
    theirs = provider.rows("SELECT id, state FROM agreement ORDER BY id")
    mine = (await village.api.get(f"/api/v1/participants/{VILLAGE}/agreements"))["agreements"]
    assert [row["id"] for row in theirs] == sorted(one["agreement"] for one in mine)
    assert Counter(row["state"] for row in theirs) == {"finalized": 6}
    await asyncio.gather(*(proven(provider, one, row["id"]) for row in theirs for one in (provider.a, provider.b)))
    gapless(provider)


async def test_a_replica_dies_while_it_sends_and_the_rest_comes_from_the_other(
    provider: Provider, village: City, disk: HeldDisk
) -> None:
    """32 MiB to a slow reader: the file is whole, and what was there before the death was not fetched again."""
    content = b"0123456789abcdef" * (32 * MIB // 16)
    did, dataset = await publish(provider, content)
    signed = await village.negotiate(VILLAGE, did, dataset)
    disk.hold(4)
    fetching = asyncio.create_task(village.fetch(VILLAGE, signed["agreement"]))
    await eventually(lambda: len(disk.written) == 4)
    sender = provider.a if await streams(provider.a) else provider.b
    await sender.kill()
    disk.go()
    received = await fetching
    assert (received["state"], received["outcome"]) == ("COMPLETED", "received"), received
    assert Path(received["file"]).read_bytes() == content
    assert sum(disk.written) == len(content), "the range behind the bytes that were there, and nothing else"


@pytest.mark.long
async def test_a_replica_dies_while_it_pushes_and_the_other_sends_it_all(
    provider: Provider, village: City, disk: HeldDisk
) -> None:
    """32 MiB to a door that is slow at first: what the dead replica sent is gone, the other begins again; one use."""
    content = b"0123456789abcdef" * (32 * MIB // 16)
    did, dataset = await publish(provider, content)
    signed = await village.negotiate(VILLAGE, did, dataset)
    disk.hold(4)
    wish = {"agreement": signed["agreement"], "mode": "push"}
    started = await village.api.post(f"/api/v1/participants/{VILLAGE}/transfers", wish)
    await eventually(lambda: len(disk.written) == 4)
    sender = provider.a if await streams(provider.a) else provider.b
    await sender.kill()
    disk.go()
    place = f"/api/v1/participants/{VILLAGE}/transfers/{started['id']}"
    received = await village.rested(place)
    assert (received["state"], received["outcome"]) == ("COMPLETED", "received"), received
    assert Path(received["file"]).read_bytes() == content
    assert len(content) < sum(disk.written) < 2 * len(content)
    uses = provider.rows("SELECT count(*) AS n FROM decision WHERE phase = 'access' AND permit = 1")
    assert uses == [{"n": 1}]
    assert [row["state"] for row in provider.rows("SELECT state FROM transfer")] == ["COMPLETED"]


async def streams(process: Process) -> int:
    text = (await process.api.get("/metrics")).decode()
    found = re.search(r"^hanse_streams_open (\d+)", text, re.MULTILINE)
    assert found is not None
    return int(found.group(1))


@pytest.mark.threat("T05")
async def test_one_token_opens_one_of_two_replicas_once(provider: Provider, village: City) -> None:
    """Twenty connections, spread over both by the kernel, carry the same token at once: one 2xx."""
    did, _ = await publish(provider, b"a;b\n1;2\n")
    token = (await village.services.peer._token(VILLAGE, did))["Authorization"].removeprefix("Bearer ")
    tries = [provider.post(f"/{TOWN}/2025-1/catalog/request", token).status() for _ in range(20)]
    assert Counter(await asyncio.gather(*tries)) == {200: 1, 401: 19}


async def test_a_participant_added_on_one_replica_is_known_on_the_other(provider: Provider, village: City) -> None:
    """Also while it was being looked for in vain before; its keys open on both."""
    assert {await provider.get("/kleindorf/did.json").status() for _ in range(8)} == {404}
    await provider.a.api.post("/api/v1/participants", {"slug": "kleindorf", "name": "Kleindorf", "kind": MUNICIPALITY})

    async def known() -> bool:
        return {await provider.get("/kleindorf/did.json").status() for _ in range(16)} == {200}

    await eventually_said(known)
    assert (await provider.b.api.get("/api/v1/participants/kleindorf"))["slug"] == "kleindorf"


@pytest.mark.long
async def test_expiry_and_sealing_are_done_by_one_replica_at_a_time(provider: Provider, village: City) -> None:
    """One holder of the lease, one end of a transfer that runs out, no gap in the log; the other one follows."""
    did, dataset = await publish(provider, b"x" * MIB, **{"valid-for": "PT3S"})
    signed = await village.negotiate(VILLAGE, did, dataset)
    started = await village.api.post(f"/api/v1/participants/{VILLAGE}/transfers", {"agreement": signed["agreement"]})
    assert started["id"]
    await eventually(lambda: bool(provider.rows("SELECT 1 FROM timer WHERE done_at IS NOT NULL")))
    assert len(provider.rows("SELECT 1 FROM timer WHERE kind = 'expiry'")) == 1
    before = provider.rows("SELECT owner, fence FROM lease WHERE name = 'seal'")[0]
    holder, other = (provider.a, provider.b) if f":{provider.a.pid}:" in before["owner"] else (provider.b, provider.a)
    assert f":{holder.pid}:" in before["owner"]
    await holder.kill()
    await eventually(
        lambda: f":{other.pid}:" in provider.rows("SELECT owner FROM lease WHERE name = 'seal'")[0]["owner"]
    )
    assert provider.rows("SELECT fence FROM lease WHERE name = 'seal'")[0]["fence"] == before["fence"] + 1
    await proven(provider, other, signed["agreement"])
    gapless(provider)
