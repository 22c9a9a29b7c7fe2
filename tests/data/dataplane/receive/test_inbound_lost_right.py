"""Two replicas behind one door: whoever lost the right to write touches nothing that the other one has brought.

The real slice above books; one replica sleeps between the last byte and its booking, longer than its lease.
"""

import asyncio
from hashlib import sha256

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connector.data.dataplane.receive.inbound import Inbound, receive
from connector.data.dataplane.streams import Streams
from connector.exchange.transfer.plane.plane_ports import PlanePorts
from connector.foundation.storage.database import PROCESS
from tests.testkit.patience import PATIENCE_S

TOWN, OTHER = "nachbardorf", "musterstadt"
LATE, GOOD = b"a;b\n1;2\n", b"a;b\n3;4\n"


class Sleeping(PlanePorts):
    """The booking of a replica that stalls until it is woken."""

    def __init__(self, db, access, reports) -> None:
        super().__init__(db, access, reports)
        self.asleep, self.woken = asyncio.Event(), asyncio.Event()

    async def received(self, *told):
        self.asleep.set()
        await self.woken.wait()
        return await super().received(*told)


class Doors:
    """Several processes' doors over one database and one folder."""

    def __init__(self, towns, folder) -> None:
        self.towns, self.folder, self.servers = towns, folder, []

    async def open(self, intake):
        handler = receive(
            self.towns.db, Streams(self.towns.clock), intake, Inbound(place=self.place, limit=100), lambda request: TOWN
        )
        app = web.Application()
        app.router.add_post("/data/in/{flow}", handler)
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        self.servers.append(server)
        return server

    def place(self, slug, flow):
        return self.folder / slug / flow.rpartition(":")[2]

    def files(self):
        return {path.name: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture
async def doors(towns, tmp_path):
    made = Doors(towns, tmp_path / "received")
    yield made
    for server in made.servers:
        await server.close()


async def incoming(towns):
    """(transfer, key of its door): a push of live data, whose digest nobody has agreed."""
    asked = []
    towns.wire.bend["TransferRequestMessage"] = asked.append
    agreement = await towns.concluded(TOWN, OTHER)
    process = await towns.fetch(TOWN, OTHER, agreement, "push")
    await towns.run()
    await towns.db.write(
        TOWN, lambda tx: tx.run("UPDATE flow SET expected_sha256 = NULL WHERE participant = :p", p=TOWN)
    )
    named = {one["name"]: one["value"] for one in asked[0]["dataAddress"]["endpointProperties"]}
    return process.id, named["authorization"]


async def bring(client, server, transfer, key, body) -> int:
    async def chunks():
        yield body

    url, headers = str(server.make_url(f"/data/in/{transfer}")), {"Authorization": f"Bearer {key}"}
    async with client.send("POST", url, chunks(), headers=headers) as answer:
        return answer.status


def _long_over(tx) -> None:
    tx.run("UPDATE lease SET until = 1")


@pytest.mark.threat("T38")
@pytest.mark.parametrize("towns", ["postgres"], indirect=True)
@pytest.mark.parametrize("also_booked", [True, False], ids=["the other has finished", "the other is at it"])
async def test_a_late_replica_deletes_no_good_file(towns, doors, client, also_booked) -> None:
    """>> A has all bytes and stalls beyond its lease, B comes and finishes, A wakes << no for A; what is there is B's,
    is what was booked, and stays."""
    transfer, key = await incoming(towns)
    stalled, awake = Sleeping(towns.db, towns.access, towns.reports), Sleeping(towns.db, towns.access, towns.reports)
    first, second = await doors.open(stalled), await doors.open(awake)
    late = asyncio.create_task(bring(client, first, transfer, key, LATE))
    async with asyncio.timeout(PATIENCE_S):
        await stalled.asleep.wait()
        await towns.db.write(PROCESS, _long_over)
        good = asyncio.create_task(bring(client, second, transfer, key, GOOD))
        await awake.asleep.wait()
        for one, task in ((awake, good), (stalled, late)) if also_booked else ((stalled, late), (awake, good)):
            one.woken.set()
            await task
    assert (late.result(), good.result()) == (403 if also_booked else 503, 200)
    assert doors.files() == {"baeume.csv": GOOD}
    process = await towns.process(TOWN, transfer)
    assert (process.outcome, process.sha256) == ("received", sha256(GOOD).hexdigest())
    assert await towns.db.read(PROCESS, lambda tx: tx.all("SELECT name FROM lease")) == []


@pytest.mark.parametrize("towns", ["postgres"], indirect=True)
async def test_a_process_that_ended_meanwhile_keeps_nothing(towns, doors, client) -> None:
    """>> all bytes are here, and somebody ends the transfer before they are booked << 403, no file."""
    transfer, key = await incoming(towns)
    stalled = Sleeping(towns.db, towns.access, towns.reports)
    server = await doors.open(stalled)
    coming = asyncio.create_task(bring(client, server, transfer, key, GOOD))
    async with asyncio.timeout(PATIENCE_S):
        await stalled.asleep.wait()
        why = {"de": ["Genug."], "en": ["Enough."]}
        await towns.db.write(TOWN, towns.transfers.terminate, TOWN, transfer, "operator", why)
        stalled.woken.set()
        assert await coming == 403
    assert doors.files() == {}
