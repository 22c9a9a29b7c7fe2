"""The consumer's plane in this process: fetches the bytes of a started transfer and reports what became of it.

An errand of the outbox: after a crash or a suspension it runs again and resumes where the partial file ends. A provider
that holds the data is waited for, whether its suspension has come here or not (spec/data-plane.md 3.3).
"""

import asyncio
import shutil
from pathlib import Path

import msgspec

from connector.data.dataplane.flows import Flow
from connector.data.dataplane.receive.pull import Address, Received, pull
from connector.data.dataplane.refused import HOLDS
from connector.data.dataplane.sinks.files import FileSink
from connector.data.dataplane.streams import Streams
from connector.exchange.transfer.addresses import Sealed
from connector.exchange.transfer.model import Outcome
from connector.exchange.transfer.plane.reports import Reports
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, PeerError, Refusal, Unauthenticated, Unavailable
from connector.foundation.http.outbound import SafeClient
from connector.foundation.language.reasons import explained
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.foundation.storage.work import Errand
from connector.identity.trust.keys.signing import Vault

PATIENCE_MS = 3 * 86_400_000
"""How long a provider is waited for that holds the data while its suspension does not come."""


class LocalPlane:
    """Handler of the errand `pull`; `largest` is the most bytes that one transfer may bring (threat T15).

    Less where the agreement says how many they are; `free` bytes of the disk stay free, whatever comes.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        reports: Reports,
        client: SafeClient,
        vault: Vault,
        received: Path,
        streams: Streams,
        largest: int = 1 << 40,
        free: int = 0,
    ) -> None:
        self._db, self._clock, self._reports, self._client, self._sealed = db, clock, reports, client, Sealed(vault)
        self._received, self._streams, self._largest = received, streams, largest
        self._free = free

    def place(self, slug: str, process_id: str) -> Path:
        """The folder of one transfer's data; ids are ours, so the path cannot be steered from outside."""
        return self._received / slug / process_id.removeprefix("urn:uuid:")

    def file(self, slug: str, process_id: str) -> Path | None:
        """The received file of a transfer; None while there is none."""
        folder = self.place(slug, process_id)
        found = (
            [one for one in folder.iterdir() if not one.name.endswith((".part", ".part.version"))]
            if folder.is_dir()
            else []
        )
        return found[0] if len(found) == 1 else None

    def arrived(self, slug: str, process_id: str) -> int:
        """Bytes that have come so far, whole or not."""
        folder = self.place(slug, process_id)
        try:
            return sum(one.stat().st_size for one in folder.iterdir() if not one.name.endswith(".version"))
        except OSError:  # not begun, or moved to its place just now
            return 0

    async def pull(self, row: OutboxRow) -> None:
        errand = msgspec.json.decode(row.body, type=Errand)
        try:
            async with self._streams.ticket(row.participant, errand.process):
                await self._pull(row, errand.process)
        except TimeoutError as cut:
            # Whoever suspended or ended it has cut us; a process that stops leaves the errand to the next one.
            if await self._flow(row, errand.process) is not None:
                raise Unavailable("dataplane.cut") from cut
            await self._rest(row, errand.process)

    async def _pull(self, row: OutboxRow, process_id: str) -> None:
        flow = await self._flow(row, process_id)
        if flow is None or flow.address is None:
            await self._rest(row, process_id)
            return
        try:
            received = await self._fetch(row.participant, flow)
        except (Refusal, Unauthenticated) as refusal:
            if refusal.code == HOLDS:
                await self._while_held(row, flow, refusal)
            await self._failed(row, flow, "refused", refusal)
        except PeerError as error:
            await self._failed(row, flow, "broken", error)
        else:
            await self._db.write(row.participant, self._pulled, row, process_id, received)

    async def _flow(self, row: OutboxRow, process_id: str) -> Flow | None:
        found = await self._db.read(row.participant, self._reports.flow_of, row.participant, process_id)
        return None if found is None else found[1]

    async def _fetch(self, slug: str, flow: Flow) -> Received:
        address: Address = self._sealed.source(slug, flow)
        wanted = await self._db.read(slug, self._reports.wanted, slug, flow.id)
        agreed = None if wanted is None else wanted.bytes
        limit = self._largest if agreed is None else min(self._largest, agreed)
        sink = FileSink(self.place(slug, flow.id), flow.sink or "data", limit=limit, free=self._free)
        return await pull(self._client, address, sink, flow.expected_sha256)

    async def _while_held(self, row: OutboxRow, flow: Flow, refusal: HanseError) -> None:
        """Unavailable while it may go on. The suspension may be under way, or be refused here: who is out of the data
        space and reads it first takes no message, and would lose for good what is held for an hour.
        """
        if await self._flow(row, flow.id) is not None and self._clock.now() - row.created_at < PATIENCE_MS:
            raise Unavailable(HOLDS) from refusal

    async def _failed(self, row: OutboxRow, flow: Flow, outcome: Outcome, error: HanseError) -> None:
        """What cannot be had leaves nothing behind: partial bytes of a refused transfer are not ours to keep."""
        now = await self._flow(row, flow.id)
        if now is None:  # suspended or ended meanwhile: no failure of ours
            await self._rest(row, flow.id)
            return
        if now.address != flow.address:
            raise Unavailable("dataplane.renewed") from error
        await self._clear(row.participant, flow.id)
        await self._db.write(row.participant, self._not_pulled, row, flow.id, outcome, error)

    async def _rest(self, row: OutboxRow, process_id: str) -> None:
        """Nothing to fetch now: half a file waits for a resumption, but does not outlive the transfer."""
        if await self._db.read(row.participant, self._reports.abandoned, row.participant, process_id):
            await self._clear(row.participant, process_id)
        await self._db.write(row.participant, self._rested, row, process_id)

    async def _clear(self, slug: str, process_id: str) -> None:
        await asyncio.to_thread(shutil.rmtree, self.place(slug, process_id), ignore_errors=True)

    def _rested(self, tx: Tx, row: OutboxRow, process_id: str) -> None:
        """Not if it was resumed meanwhile: this errand is the one that has to go on then."""
        if not self._reports.idle(tx, row.participant, process_id):
            raise Unavailable("dataplane.renewed")
        outbox.finish(tx, row)

    def _pulled(self, tx: Tx, row: OutboxRow, process_id: str, received: Received) -> None:
        if outbox.finish(tx, row):
            self._reports.received(tx, row.participant, process_id, received.bytes, received.sha256)

    def _not_pulled(self, tx: Tx, row: OutboxRow, process_id: str, outcome: Outcome, error: HanseError) -> None:
        if outbox.finish(tx, row):
            self._reports.failed(tx, row.participant, process_id, outcome, explained(error))
