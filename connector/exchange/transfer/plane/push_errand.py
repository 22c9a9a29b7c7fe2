"""The provider's plane in this process for a push: sends the bytes of a started transfer and reports what came of it.

An errand of the outbox: after a crash or a break it runs again and begins with the first byte. The policy is asked at
the moment of sending, as it is when somebody fetches; the use counts once per flow.
"""

import asyncio
from contextlib import suppress

import msgspec

from connector.data.dataplane.flows import Flow
from connector.data.dataplane.gate import Admission, Gate
from connector.data.dataplane.refused import SUSPENDED
from connector.data.dataplane.serve.push import Push, Refused
from connector.data.dataplane.serve.stream import MinimumRate
from connector.data.dataplane.streams import OpenStream, Streams
from connector.data.sources.kinds import Sources
from connector.data.sources.ranges import Conditions
from connector.exchange.transfer.addresses import Sealed
from connector.exchange.transfer.model import Outcome
from connector.exchange.transfer.plane.data_access import DataAccess
from connector.exchange.transfer.plane.reports import Reports
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, PeerError, Refusal, Unavailable
from connector.foundation.http.outbound import SafeClient
from connector.foundation.language.reasons import explained
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.foundation.storage.work import Errand
from connector.identity.trust.keys.signing import Vault

TRIES = 4
"""How often a receiver may say no before we believe it; what is on its way to either side may still change its mind."""
PATIENCE_MS = 6 * 3_600_000
"""How long a receiver that is out of reach is waited for, and somebody who may serve."""
_PERHAPS = frozenset({401, 403, 404, 409})


class Pusher:
    """Handler of the errand `push`."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        access: DataAccess,
        reports: Reports,
        gate: Gate,
        streams: Streams,
        sources: Sources,
        client: SafeClient,
        vault: Vault,
        patience: MinimumRate | None = None,
    ) -> None:
        self._db, self._clock, self._access, self._reports, self._gate = db, clock, access, reports, gate
        self._streams, self._sources, self._client, self._sealed = streams, sources, client, Sealed(vault)
        self._patience = patience or MinimumRate()
        self._noes: dict[int, int] = {}
        """How often a row was refused. A restart counts anew."""

    async def push(self, row: OutboxRow) -> None:
        errand = msgspec.json.decode(row.body, type=Errand)
        ticket: OpenStream | None = None
        try:
            async with self._streams.ticket(row.participant, errand.process) as ticket:
                await self._push(row, errand.process, ticket)
        except TimeoutError as cut:
            # Whoever suspended or ended it has cut us; one that is slow or stopping is tried again.
            if await self._flow(row, errand.process) is not None:
                await self._not_now(row, errand.process, Unavailable("dataplane.cut"), cut)
            await self._db.write(row.participant, self._rested, row, errand.process)

    async def _push(self, row: OutboxRow, process_id: str, ticket: OpenStream) -> None:
        flow = await self._flow(row, process_id)
        if flow is None or flow.address is None:
            await self._db.write(row.participant, self._rested, row, process_id)
            return
        try:
            await self._send(row, flow, ticket)
        except Refused as no:
            await self._refused(row, flow, no)
        except Refusal as refusal:
            if (waits := await self._waits(row, refusal)) is None:
                await self._failed(row, flow, "refused", refusal)
            else:
                await self._not_now(row, process_id, waits, refusal)
        except PeerError as error:
            await self._failed(row, flow, "broken", error)
        except Unavailable as error:
            await self._not_now(row, process_id, error, error)
        else:
            self._noes.pop(row.id, None)

    async def _waits(self, row: OutboxRow, refusal: Refusal) -> Unavailable | None:
        """Why this refusal is not the last word: the data are held, or a mandate may take the place of the one that is
        over, or the town itself, and no transfer ends with a mandate (decision 0113)."""
        if refusal.code == SUSPENDED:
            return Unavailable("dataplane.suspended")
        return await self._db.read(row.participant, self._access.barred, row.participant)

    async def _send(self, row: OutboxRow, flow: Flow, ticket: OpenStream) -> None:
        admission = await self._gate.dispatch(row.participant, flow.id)
        ticket.until(admission.expires_at)
        source = self._sources.readable(row.participant, admission.source)
        push = Push(self._client, self._sealed.destination(row.participant, flow))
        ticket.expect(lambda: push.sent, lambda: push.waiting, self._patience.every_s, self._patience.least)
        whole = False
        try:
            async with source.open(Conditions()) as reading:
                await push.run(self._gate.treated(admission, reading, source.describe()), source.describe())
                whole = True
        finally:
            if not whole and push.sent:
                await asyncio.shield(self._book(admission, push, ticket))
        await self._db.write(row.participant, self._sent, row, flow.id, push.sent)

    async def _book(self, admission: Admission, push: Push, ticket: OpenStream) -> None:
        """What a try has sent in vain is in the log too."""
        cause = push.broken or ticket.cause()
        with suppress(Unavailable):
            await self._db.write(
                admission.participant,
                self._reports.delivered,
                admission.participant,
                admission.flow,
                push.sent,
                False,
                cause,
            )

    async def _flow(self, row: OutboxRow, process_id: str) -> Flow | None:
        found = await self._db.read(row.participant, self._reports.flow_of, row.participant, process_id)
        return None if found is None else found[1]

    async def _refused(self, row: OutboxRow, flow: Flow, no: Refused) -> None:
        self._noes[row.id] = self._noes.get(row.id, 0) + 1
        if no.status in _PERHAPS and self._noes[row.id] < TRIES:
            raise Unavailable("dataplane.receiver-busy", status=no.status) from no
        outcome: Outcome = "refused" if no.status == 403 else "broken"
        await self._failed(row, flow, outcome, no.error)

    async def _not_now(self, row: OutboxRow, process_id: str, error: Unavailable, cause: Exception) -> None:
        """The row waits and is tried again, but not for ever."""
        flow = await self._flow(row, process_id)
        if flow is None or self._clock.now() - row.created_at < PATIENCE_MS:
            raise error from cause
        await self._failed(row, flow, "broken", error)

    async def _failed(self, row: OutboxRow, flow: Flow, outcome: Outcome, error: HanseError) -> None:
        now = await self._flow(row, flow.id)
        if now is not None and now.address != flow.address:
            raise Unavailable("dataplane.renewed") from error
        self._noes.pop(row.id, None)
        await self._db.write(row.participant, self._not_sent, row, flow.id, None if now is None else outcome, error)

    def _sent(self, tx: Tx, row: OutboxRow, process_id: str, sent: int) -> None:
        if outbox.finish(tx, row):
            self._reports.delivered(tx, row.participant, process_id, sent, True, None)
            self._reports.sent(tx, row.participant, process_id)

    def _not_sent(self, tx: Tx, row: OutboxRow, process_id: str, outcome: Outcome | None, error: HanseError) -> None:
        """Without an `outcome` it was suspended or ended meanwhile, which is no failure of ours."""
        if outcome is None:
            self._rested(tx, row, process_id)
        elif outbox.finish(tx, row):
            self._reports.failed(tx, row.participant, process_id, outcome, explained(error))

    def _rested(self, tx: Tx, row: OutboxRow, process_id: str) -> None:
        """Nothing to send now; not if it was resumed meanwhile, for this errand is the one that has to go on then."""
        if not self._reports.idle(tx, row.participant, process_id):
            raise Unavailable("dataplane.renewed")
        outbox.finish(tx, row)
