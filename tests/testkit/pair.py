"""A town that provides and a village that consumes, as two processes, and a client that outlives the death of either.

The client does what a careful one would: it repeats what failed, but looks first whether its wish was heard.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from connector.verify.bundle import verify_bundle
from tests.testkit.cities import MUNICIPALITY, PURPOSE, Refused, Space, migrated_before
from tests.testkit.patience import PATIENCE_S, eventually, eventually_said
from tests.testkit.processes import SERVE, Process

_LEFT = "SELECT id FROM outbox WHERE done_at IS NULL"
CONTENT = b"art;h\xc3\xb6he\nLinde;12\n" * 50
TOWN, VILLAGE = "musterstadt", "nachbardorf"


def _left(process: Process) -> bool:
    """Whether something is still to be sent, or the power goes under the reading."""
    try:
        return bool(process.rows(_LEFT))
    except sqlite3.OperationalError:
        return True


async def started(space: Space, slug: str, program: Sequence[str] = SERVE) -> Process:
    process = Process(space.prepared(slug), program)
    await asyncio.to_thread(migrated_before, process.folder / "hanse.db")
    await process.start()
    await process.api.post("/api/v1/participants", {"slug": slug, "name": slug.title(), "kind": MUNICIPALITY})
    return process


@asynccontextmanager
async def two(
    space: Space, town: Sequence[str] = SERVE, village: Sequence[str] = SERVE, content: bytes = CONTENT
) -> AsyncIterator["Pair"]:
    """A town that provides `content` and a village that consumes, each a process of its own."""
    provider = await started(space, TOWN, town)
    consumer = await started(space, VILLAGE, village)
    try:
        pair = Pair(space, provider, consumer)
        await pair.publish(content)
        yield pair
    finally:
        await asyncio.gather(provider.close(), consumer.close())


@asynccontextmanager
async def bystander(space: Space, *others: Process) -> AsyncIterator[Process]:
    """A third operator, party to none of their contracts: only its witness proves when something was there."""
    process = await started(space, "kreis")
    try:
        for other in others:
            await other.api.post("/api/v1/trust/reload")
        yield process
    finally:
        await process.close()


class Pair:
    """Provider and consumer, the dataset between them, and the exchanges that were made of it."""

    def __init__(self, space: Space, provider: Process, consumer: Process) -> None:
        self.space, self.provider, self.consumer = space, provider, consumer
        self.contracts = self.transfers = 0

    async def publish(self, content: bytes, **slots: str) -> None:
        """The dataset of the exchanges from now on."""
        api = self.provider.api
        for process in (self.provider, self.consumer):
            await process.api.post("/api/v1/trust/reload")
        source = await api.post(f"/api/v1/participants/{TOWN}/files?name=baeume.csv", data=content)
        wish = {"title": "Bäume", "rule": "municipal-purpose", "slots": {"until": "31.12.2099", **slots}, **source}
        self.dataset = (await api.post(f"/api/v1/participants/{TOWN}/datasets", wish))["dataset"]
        self.content, self.did = content, self.provider.rows("SELECT did FROM participant")[0]["did"]

    async def negotiate(self) -> dict[str, Any]:
        wish = {"provider": self.did, "dataset": self.dataset, "purpose": PURPOSE}
        return await self.persistently("negotiation", wish)

    async def fetch(self, agreement: str, mode: str = "pull") -> dict[str, Any]:
        return await self.persistently("transfer", {"agreement": agreement, "mode": mode})

    async def persistently(self, noun: str, wish: dict[str, str]) -> dict[str, Any]:
        """What a client does whose server may die at any time: look whether the wish was heard before repeating it."""
        base = f"/api/v1/participants/{VILLAGE}/{noun}s"
        made = await self.begin(noun, base, wish)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found: dict[str, Any] = await patiently(lambda: self.consumer.api.get(f"{base}/{made}", wait="10"))
                if found["state"] in ("FINALIZED", "COMPLETED", "TERMINATED"):
                    return found

    async def begin(self, noun: str, base: str, wish: dict[str, str]) -> str:
        mine = f"SELECT id FROM {noun} WHERE role = 'consumer'"
        before = {row["id"] for row in self.consumer.rows(mine)}

        async def asked() -> str:
            new = {row["id"] for row in self.consumer.rows(mine)} - before
            return str(new.pop() if new else (await self.consumer.api.post(base, wish))["id"])

        return str(await patiently(asked))

    async def evidence(self, process: Process, slug: str, agreement: str) -> None:
        path = f"/api/v1/participants/{slug}/agreements/{agreement.removeprefix('urn:uuid:')}/evidence"
        report = verify_bundle(await patiently(lambda: process.api.get(path)), self.space.roots, "de")
        assert report.holds_apart_from_time, report.reason

    async def agreed(self) -> dict[str, Any]:
        """A contract of which nothing is left to be sent."""
        signed = await self._signed()
        await self._rest()
        return signed

    async def _signed(self) -> dict[str, Any]:
        self.contracts += 1
        signed = await self.negotiate()
        assert signed["state"] == "FINALIZED", signed
        return signed

    async def _rest(self) -> None:
        await eventually(lambda: not any(_left(process) for process in (self.provider, self.consumer)))

    async def exchange(self, mode: str = "pull", signed: dict[str, Any] | None = None) -> None:
        """>> request (unless it was `signed` before), get, verify << the same contract and the same bytes on both
        sides, each once."""
        signed = signed or await self._signed()
        self.transfers += 1
        received = await self.fetch(signed["agreement"], mode)
        assert (received["state"], received["outcome"]) == ("COMPLETED", "received"), received
        assert Path(received["file"]).read_bytes() == self.content
        both = ((self.provider, TOWN), (self.consumer, VILLAGE))
        # What one side has not sent the other does not know yet: both are waited for before either is looked at.
        await self._rest()
        for process, slug in both:
            await self.evidence(process, slug, signed["agreement"])
            await self.settled(process, signed["agreement"])

    async def settled(self, process: Process, agreement: str) -> None:
        """Row by row as agreed, nothing is left to send, and the log has no gap."""
        await eventually(lambda: not _left(process))
        contracts = process.rows("SELECT id, state FROM agreement ORDER BY created_at, id")
        assert agreement in [row["id"] for row in contracts]
        assert [row["state"] for row in contracts] == ["finalized"] * self.contracts
        assert [row["state"] for row in process.rows("SELECT state FROM negotiation")] == ["FINALIZED"] * self.contracts
        assert [row["state"] for row in process.rows("SELECT state FROM transfer")] == ["COMPLETED"] * self.transfers
        chain = process.rows("SELECT seq FROM audit_entry WHERE agreement = ? ORDER BY seq", agreement)
        first = chain[0]["seq"]
        assert [row["seq"] for row in chain] == list(range(first, first + len(chain)))
        leaves = process.rows(
            "SELECT leaf_index AS i FROM audit_entry WHERE leaf_index IS NOT NULL ORDER BY leaf_index"
        )
        assert [row["i"] for row in leaves] == list(range(len(leaves)))


async def patiently(call: Callable[[], Awaitable[Any]]) -> Any:
    """Repeats what failed because a process is down."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await call()
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
            except Refused as refused:
                if refused.status < 500:
                    raise
                await asyncio.sleep(0.05)


@asynccontextmanager
async def revived(process: Process) -> AsyncIterator[list[int]]:
    """Starts the mortal process again whenever it ends; the list gets its exit codes.

    What is armed still at the end is disarmed: a commit that nobody waits for would kill the process some time later.
    """
    codes: list[int] = []

    done = asyncio.Event()

    async def watch() -> None:
        while True:
            ending = asyncio.create_task(process.ended())
            await asyncio.wait([ending, asyncio.create_task(done.wait())], return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                ending.cancel()
                return
            codes.append(ending.result())
            await process.start()

    watching = asyncio.create_task(watch())
    try:
        yield codes
        await eventually_said(lambda: disarmed(process))
    finally:
        done.set()
        await watching


async def disarmed(process: Process) -> bool:
    """Whether it will not die any more; False if it just did, and comes back."""
    try:
        return await process.say("after 0") == "armed"
    except ConnectionError:
        return False


async def finished(pair: Pair, transfer: str) -> dict[str, Any]:
    """The consumer's transfer at its end, whoever dies meanwhile."""
    path = f"/api/v1/participants/{VILLAGE}/transfers/{transfer}"
    while True:
        found: dict[str, Any] = await patiently(lambda: pair.consumer.api.get(path, wait="10"))
        if found["state"] in ("COMPLETED", "TERMINATED"):
            return found
