"""A town and a village as processes of their own, impatient ones, in a data space where strange members turn up."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from connector.foundation.settings.load import Settings, load
from tests.testkit.cities import MUNICIPALITY, PURPOSE, Refused, Space
from tests.testkit.conduct import Selling
from tests.testkit.nasty import NastyPeer, Reply, enlist, nasty_peer
from tests.testkit.processes import SERVE, Process

TOWN, VILLAGE = "musterstadt", "nachbardorf"
CONTENT = b"art;hoehe\nLinde;12\n" * 50
PATIENCE = {
    "HANSE_OUTBOUND__TOTAL_S": "2.0",
    "HANSE_OUTBOUND__STALL_S": "1.0",
    "HANSE_LOG__LEVEL": "error",
    "HANSE_DATA__LARGEST": "4000000",
}
RESPONSIVE_S = 20.0


class Host:
    """One process with one participant."""

    def __init__(self, space: Space, slug: str) -> None:
        self.slug = slug
        self.process = Process(space.prepared(slug), SERVE, PATIENCE)
        self.api = self.process.api
        self.settings: Settings = load(self.process.folder, PATIENCE)
        self.base = f"/api/v1/participants/{slug}"

    async def start(self) -> None:
        await self.process.start()
        await self.api.post("/api/v1/participants", {"slug": self.slug, "name": self.slug, "kind": MUNICIPALITY})
        [self._row] = self.process.rows("SELECT did, root FROM participant")

    def did(self, slug: str = "") -> str:
        return str(self._row["did"])

    def root(self, slug: str = "") -> str:
        return str(self._row["root"])

    async def ask(self, provider: str, dataset: str) -> str:
        """The id of a new negotiation; raises Refused."""
        wish = {"provider": provider, "dataset": dataset, "purpose": PURPOSE}
        return str((await self.api.post(f"{self.base}/negotiations", wish))["id"])

    async def negotiation(self, id_: str, wait: str = "0") -> dict[str, Any]:
        found: dict[str, Any] = await self.api.get(f"{self.base}/negotiations/{id_}", wait=wait)
        return found

    async def transfer(self, id_: str, wait: str = "0") -> dict[str, Any]:
        found: dict[str, Any] = await self.api.get(f"{self.base}/transfers/{id_}", wait=wait)
        return found

    async def why(self, id_: str) -> dict[str, Any]:
        """What the operator reads of it first: cause, who has to act, and both in words."""
        trace = await self.api.get(f"{self.base}/trace/{id_}")
        first: dict[str, Any] = trace["diagnosis"][0]
        for sentence in (first["cause"], first["action"]):
            assert sentence["de"], first
            assert sentence["en"], first
        return first

    async def well(self) -> None:
        """Alive and ready, and quick to say so."""
        begun = time.monotonic()
        ready = await self.api.get("/health/ready")
        assert all(ready.values()), ready
        assert time.monotonic() - begun < RESPONSIVE_S

    def outbox(self, id_: str) -> list[dict[str, Any]]:
        """What is still to be done about a process."""
        return self.process.rows("SELECT * FROM outbox WHERE done_at IS NULL AND stream LIKE ?", f"%:{id_}")


class World:
    """The two of them, and what the town offers."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.town, self.village = Host(space, TOWN), Host(space, VILLAGE)
        self.dataset, self.entry, self.met = "", dict[str, Any](), 0

    async def start(self) -> None:
        await self.town.start()
        await self.village.start()
        source = await self.town.api.post(f"{self.town.base}/files?name=baeume.csv", data=CONTENT)
        wish = {"title": "Bäume", "rule": "municipal-purpose", "slots": {"until": "31.12.2099"}, **source}
        self.dataset = (await self.town.api.post(f"{self.town.base}/datasets", wish))["dataset"]
        await self.reload()
        async with self.strangers(["looking"]) as peers:
            path = f"/2025-1/catalog/datasets/{self.dataset.rpartition('/')[2]}"
            self.entry = (await peers["looking"].get(self.town, TOWN, path)).json
        await self.honest()

    async def close(self) -> None:
        await asyncio.gather(self.town.process.close(), self.village.process.close())

    async def reload(self) -> None:
        await asyncio.gather(*(host.api.post("/api/v1/trust/reload") for host in (self.town, self.village)))

    @asynccontextmanager
    async def strangers(
        self, names: Iterable[str], tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[dict[str, NastyPeer]]:
        """Members that both know of from now on, each behind a port of its own."""
        async with AsyncExitStack() as stack:
            peers = dict[str, NastyPeer]()
            for name in names:
                # A port comes back, a name does not: nobody must take one stranger for another from before.
                self.met += 1
                stranger = nasty_peer(self.space, f"{name}{self.met}", kind=None, tls=tls)
                peers[name] = await stack.enter_async_context(stranger)
            await enlist(self.space, peers.values())
            await self.reload()
            yield peers

    def selling(self, nasty: NastyPeer) -> Selling:
        """The stranger as a provider for the village, with the very dataset that the town has."""
        selling = Selling(nasty, self.village, VILLAGE)
        selling.show(self.entry)
        return selling

    async def honest(self) -> None:
        """>> request, get << the contract and the bytes: what decent members do meanwhile."""
        async with asyncio.timeout(RESPONSIVE_S):
            id_ = await self.village.ask(self.town.did(), self.dataset)
            signed = await self.village.negotiation(id_, "10")
            assert signed["state"] == "FINALIZED", signed
            wish = {"agreement": signed["agreement"]}
            started = await self.village.api.post(f"{self.village.base}/transfers", wish)
            received = await self.village.transfer(started["id"], "10")
            assert (received["state"], received["outcome"]) == ("COMPLETED", "received"), received
            assert await asyncio.to_thread(Path(received["file"]).read_bytes) == CONTENT
        await asyncio.gather(self.town.well(), self.village.well())


async def taken(say: Callable[[], Awaitable[Reply]]) -> Reply:
    """Says it until its turn has come: the other side may not have booked our last answer yet."""
    reply = await say()
    for _ in range(500):
        if reply.status == 200:
            break
        await asyncio.sleep(0.04)
        reply = await say()
    assert reply.status == 200, reply.body
    return reply


def told(refused: Refused) -> None:
    """No is said in two languages, and is nobody's defect."""
    assert refused.status in (400, 404, 502, 503), refused
    assert len(refused.problem["reason"]) == 2, refused
    assert refused.problem["code"] != "defect"
