"""The consumer's plane in this process: fetches the bytes of a started transfer and reports what became of it.

An errand of the outbox: after a crash it runs again and resumes where the partial file ends.
"""

import asyncio
import shutil
from pathlib import Path

import msgspec

from connector.commit import Errand
from connector.dataplane.flows import Flow
from connector.dataplane.pull import Address, Received, pull
from connector.dataplane.sinks.files import FileSink
from connector.errors import PeerError, Refusal, Unauthenticated
from connector.http.outbound import SafeClient
from connector.reasons import Reason, explained
from connector.storage import outbox
from connector.storage.database import Database, Tx
from connector.storage.outbox import OutboxRow
from connector.transfer.service import Transfers
from connector.trust.keys import Vault


class LocalPlane:
    """Handler of the errand `pull`."""

    def __init__(self, db: Database, transfers: Transfers, client: SafeClient, vault: Vault, received: Path) -> None:
        self._db, self._transfers, self._client, self._vault = db, transfers, client, vault
        self._received = received

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

    async def pull(self, row: OutboxRow) -> None:
        errand = msgspec.json.decode(row.body, type=Errand)
        found = await self._db.read(row.participant, self._transfers.flow_of, row.participant, errand.process)
        if found is None or found[1].address is None:
            await self._db.write(row.participant, _finish, row)
            return
        try:
            received = await self._fetch(row.participant, found[1])
        except Refusal as refusal:
            if await self._db.read(row.participant, self._transfers.flow_of, row.participant, errand.process) is None:
                await self._db.write(row.participant, _finish, row)  # suspended or ended meanwhile: no failure of ours
                return
            await self._failed(row, errand.process, "refused", explained(refusal))
        except Unauthenticated as refusal:
            await self._failed(row, errand.process, "refused", explained(refusal))
        except PeerError as error:
            await self._failed(row, errand.process, "broken", explained(error))
        else:
            await self._db.write(row.participant, self._pulled, row, errand.process, received)

    async def _fetch(self, slug: str, flow: Flow) -> Received:
        assert flow.address is not None
        url, token = msgspec.json.decode(
            self._vault.open(f"address|{slug}|{flow.id}", bytes(flow.address)), type=tuple[str, str]
        )
        sink = FileSink(self.place(slug, flow.id), flow.sink or "data")
        return await pull(self._client, Address(url, token), sink, flow.expected_sha256)

    async def _failed(self, row: OutboxRow, process_id: str, outcome: str, reason: Reason) -> None:
        """What cannot be had leaves nothing behind: partial bytes of a refused transfer are not ours to keep."""
        await asyncio.to_thread(shutil.rmtree, self.place(row.participant, process_id), ignore_errors=True)
        await self._db.write(row.participant, self._not_pulled, row, process_id, outcome, reason)

    def _pulled(self, tx: Tx, row: OutboxRow, process_id: str, received: Received) -> None:
        if outbox.finish(tx, row):
            self._transfers.pulled(tx, row.participant, process_id, received.bytes, received.sha256)

    def _not_pulled(self, tx: Tx, row: OutboxRow, process_id: str, outcome: str, reason: Reason) -> None:
        if outbox.finish(tx, row):
            self._transfers.not_pulled(tx, row.participant, process_id, outcome, reason)


def _finish(tx: Tx, row: OutboxRow) -> None:
    outbox.finish(tx, row)
